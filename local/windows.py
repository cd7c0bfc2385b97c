"""The keeper of the window jobs: submits them to Flink, and again when the JobManager has forgotten them."""

from __future__ import annotations

import json
from http.client import HTTPException
from pathlib import Path

from flink_jobs.windows.cluster import parse_jobs
from flink_jobs.windows.files import declaration_files
from flink_jobs.windows.stopped import stopped
from local import environment
from local.component import Component
from local.flink import checkpoints_dir, client_environment
from local.places import repository
from local.probe import http_call
from local.seaweedfs import WAREHOUSE, s3_key
from local.services import apply_topics
from local.stack import Stack

# A laptop's user wants to see rows; production commits as often as each declaration says.
CHECKPOINT_INTERVAL_MS = 10_000


class Windows(Component):
    """Not a Flink process: a small Python one that asks the JobManager every few seconds what runs."""

    name = "windows"
    needs = ("kafka", "registry", "seaweedfs", "flink", "flink_taskmanager")
    groups = ("flink",)
    memory_mb = 60
    remedy = "read the log; flink_jobs/windows/README.md has a table of what goes wrong"

    def prepare(self, stack: Stack) -> None:
        """Make the topics that the windows read."""
        apply_topics(stack)

    def command(self, stack: Stack) -> list[str]:  # noqa: ARG002 - its settings are variables
        return [*python(), "keep"]

    def environment(self, stack: Stack) -> dict[str, str]:
        return settings(stack)

    def waiting_for(self, stack: Stack) -> str | None:
        """Ready when the job of every declared window runs, but for those that somebody has stopped."""
        port = stack.port("flink.rest")
        try:
            _, answer = http_call("GET", port, "/jobs/overview")
            jobs = parse_jobs(json.loads(answer))
        except (OSError, HTTPException, ValueError, KeyError) as error:
            return f"the JobManager does not answer on port {port} ({error})"
        missing = sorted(wanted(stack) - {job.window for job in jobs if job.settled})
        return f"not running yet: {', '.join(missing)}" if missing else None


def python() -> list[str]:
    """The start of a command line that runs the window jobs' own program."""
    return [str(environment.ensure("flink") / "bin" / "python"), "-P", "-m", "flink_jobs.windows"]


def settings(stack: Stack, namespace: str = "") -> dict[str, str]:
    """The variables that flink_jobs/windows/config.py reads, and those of PyFlink."""
    s3_key(stack)
    return client_environment(stack) | {
        "KAPSTAN_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "KAPSTAN_REGISTRY_URL": stack.registry_url,
        "KAPSTAN_FLINK_URL": stack.url("flink.rest"),
        "KAPSTAN_CATALOG_URI": stack.url("seaweedfs.iceberg"),
        "KAPSTAN_WAREHOUSE": WAREHOUSE,
        "KAPSTAN_S3_ENDPOINT": stack.url("seaweedfs.s3"),
        "KAPSTAN_S3_ACCESS_KEY_FILE": str(stack.secret_file("s3")),
        "KAPSTAN_CHECKPOINTS_DIR": str(checkpoints_dir(stack)),
        "KAPSTAN_STATE_DIR": str(stack.data(Windows.name)),
        "KAPSTAN_SCHEMAS_DIR": str(repository() / "schemas"),
        "KAPSTAN_NAMESPACE": namespace,
        "KAPSTAN_CHECKPOINT_INTERVAL_MS": str(CHECKPOINT_INTERVAL_MS),
    }


def state_dir(stack: Stack) -> Path:
    """Where the keeper and `kapstan windows` remember which windows were stopped; asking does not make it."""
    return stack.home / "data" / Windows.name


def wanted(stack: Stack) -> set[str]:
    """The windows that should run: those declared, less those that somebody has stopped."""
    return {path.stem for path in declaration_files(repository() / "schemas")} - stopped(state_dir(stack))
