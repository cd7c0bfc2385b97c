"""Window jobs that begin again after a loss: each has to go on from its newest checkpoint, by itself."""

import time
from pathlib import Path
from typing import Any, NamedTuple

from flink_jobs.windows.checkpoints import folder, newest
from flink_jobs.windows.cluster import Cluster
from flink_jobs.windows.errors import ClusterAwayError
from local.flink import checkpoints_dir
from local.stack import Stack
from local.windows import wanted
from tests.faults.errors import SilentError
from tests.faults.stage import Stage

FLINK = ("flink", "flink_taskmanager")
GOES_ON_WITHIN_S = 180.0


class Restarts:
    """Where the jobs stood before a loss, and where they went on."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._since_ms = 0
        self._before: dict[str, Point] = {}
        self._went_on: dict[str, Path] = {}

    def begin(self, stage: Stage) -> None:
        """Note each window's newest checkpoint; call it before the loss."""
        self._since_ms = time.time_ns() // 1_000_000
        self._before = checkpoints(stage.stack)

    def await_all(self, stage: Stage) -> None:
        """Wait until each job has begun again. SilentError when one did so from an older checkpoint."""

        def all_went_on() -> bool:
            self._went_on |= _restored(Cluster(stage.stack.url("flink.rest")), self._since_ms)
            return self._before.keys() <= self._went_on.keys()

        stage.until(all_went_on, GOES_ON_WITHIN_S, "not every window's job goes on from a checkpoint")
        for window, before in self._before.items():
            path = self._went_on[window]
            if older(path, _written_ns(path), before):
                raise SilentError(f"window {window} went on from {path}, though {before.path} was there")

    def told(self) -> str:
        """Say from where they went on."""
        where = ", ".join(f"{name} from {path.name}" for name, path in sorted(self._went_on.items()))
        return f"went on: {where or 'no window had a checkpoint yet'}"


class Point(NamedTuple):
    """A checkpoint, `.../<job id>/chk-<n>`, and when it was complete."""

    path: Path
    written_ns: int


def older(path: Path, written_ns: int | None, before: Point) -> bool:
    """Whether a checkpoint is older than one that was there; one that is gone by now was not the last."""
    if path.parent == before.path.parent:
        return _number(path) < _number(before.path)
    return written_ns is not None and written_ns < before.written_ns


def checkpoints(stack: Stack) -> dict[str, Point]:
    """Return the newest complete checkpoint of each window that has one."""
    found = {window: newest(folder(checkpoints_dir(stack), window)) for window in wanted(stack)}
    written = {window: (path, _written_ns(path)) for window, path in found.items() if path is not None}
    return {window: Point(path, ns) for window, (path, ns) in written.items() if ns is not None}


def _number(path: Path) -> int:
    return int(path.name.removeprefix("chk-"))


def _written_ns(path: Path) -> int | None:
    try:
        return (path / "_metadata").stat().st_mtime_ns
    except OSError:
        return None


def _restored(cluster: Cluster, since_ms: int) -> dict[str, Path]:
    """Return from where the running jobs have begun again since then, as the JobManager says."""
    try:
        jobs = cluster.jobs()
        stands = {window: cluster.checkpoints(job.id) for window, job in jobs.items() if job.settled}
    except ClusterAwayError:
        return {}
    return {
        window: Path(restored["external_path"].removeprefix("file:"))
        for window, said in stands.items()
        if (restored := _latest_restored(said)) and restored["restore_timestamp"] >= since_ms
    }


def _latest_restored(said: dict[str, Any]) -> dict[str, Any] | None:
    restored: dict[str, Any] | None = (said.get("latest") or {}).get("restored")
    return restored
