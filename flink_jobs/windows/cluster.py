"""Flink's JobManager as far as window jobs need it, by its REST API; no Flink client, no Java."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Collection
from http import HTTPStatus
from typing import Any, NamedTuple

from flink_jobs.windows.errors import ClusterAwayError

PREFIX = "windows."
_ENDED = frozenset({"FINISHED", "CANCELED", "FAILED"})
_TIMEOUT = 10.0
# What a JobManager answers about a job that it does not know (any more), and about one that has ended.
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})


class Job(NamedTuple):
    """A window job that has not ended. `window` is its declaration's name, behind a namespace if any."""

    id: str
    window: str
    state: str
    since_ms: int
    tasks_running: int
    tasks: int

    @property
    def settled(self) -> bool:
        """Whether every task of it runs."""
        return self.state == "RUNNING" and self.tasks_running == self.tasks


class Cluster:
    """One JobManager. Every call blocks for 10 s at most and raises ClusterAwayError when it is away."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def jobs(self) -> dict[str, Job]:
        """The window jobs that have not ended, by window."""
        return {job.window: job for job in parse_jobs(self._call("GET", "/jobs/overview"))}

    def records_read(self, job_id: str) -> int:
        """How many records the job's sources have handed on since it was last (re)started."""
        return parse_records_read(self._call("GET", f"/jobs/{job_id}"))

    def slots_free(self) -> int:
        """How many task slots are free."""
        return int(self._call("GET", "/overview")["slots-available"])

    def cancel(self, job_id: str) -> None:
        """Ask a job to end, unless it has; its checkpoints stay. Returns before it has ended."""
        self._call("PATCH", f"/jobs/{job_id}?mode=cancel", allowed=_GONE)

    def checkpoints(self, job_id: str) -> dict[str, Any]:
        """The job's checkpoint statistics, as Flink's REST API documents them."""
        return self._call("GET", f"/jobs/{job_id}/checkpoints")

    def _call(self, method: str, path: str, allowed: Collection[int] = ()) -> dict[str, Any]:
        """Return the answer, empty for an error of the `allowed` ones."""
        request = urllib.request.Request(self._url + path, method=method)  # noqa: S310 - our own setting
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - as above
                content: dict[str, Any] = json.loads(answer.read() or b"{}")
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code in allowed:
                return {}
            raise ClusterAwayError(
                f"Flink's JobManager at {self._url} did not answer {method} {path} ({error});"
                " `kapstan up --only windows` starts it"
            ) from error
        return content


def parse_jobs(overview: dict[str, Any]) -> list[Job]:
    """The window jobs that have not ended in an answer of /jobs/overview."""
    return [
        Job(
            each["jid"],
            each["name"].removeprefix(PREFIX),
            each["state"],
            each["start-time"],
            each["tasks"]["running"],
            each["tasks"]["total"],
        )
        for each in overview["jobs"]
        if each["name"].startswith(PREFIX) and each["state"] not in _ENDED
    ]


def parse_records_read(job: dict[str, Any]) -> int:
    """What the sources have written, in an answer of /jobs/:jobid; a source is a vertex without inputs."""
    inner = {node["id"] for node in job["plan"]["nodes"] if node.get("inputs")}
    return sum(v["metrics"]["write-records"] for v in job["vertices"] if v["id"] not in inner)
