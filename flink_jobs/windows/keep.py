"""Keeps every declared window running: a JobManager that was lost has forgotten its jobs."""

import logging
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.cluster import Cluster
from flink_jobs.windows.config import Settings
from flink_jobs.windows.errors import ClusterAwayError, DeclarationError
from flink_jobs.windows.load import load
from flink_jobs.windows.stopped import stopped
from flink_jobs.windows.submit import missing, provisional_missing

PATIENCE_SECONDS = 5.0
_LONGEST_SECONDS = 60.0

log = logging.getLogger(__name__)


def keep(settings: Settings, wait: Callable[[float], bool]) -> None:
    """Look now and every few seconds, and submit what is missing; return when `wait` (seconds) says so.

    A submission that fails is tried again, later each time, up to a minute. The declarations are read each
    time; while they are wrong, the windows read last count. Raises DeclarationError at the start only.
    """
    windows: Mapping[str, BoundWindow] = load(settings.schemas_dir)
    cluster = Cluster(settings.flink_url)
    pause = 0.0
    while not wait(pause):
        windows = _reload(settings.schemas_dir, windows)
        try:
            jobs, marked = cluster.jobs(), stopped(settings.state_dir)
            names = sorted({*missing(windows, jobs, marked), *provisional_missing(windows, jobs, marked)})
        except ClusterAwayError as error:
            log.warning("%s", error)
            pause = max(pause, PATIENCE_SECONDS)
            continue
        if not names:
            pause = PATIENCE_SECONDS
            continue
        # In a process of its own: Java's memory is needed for seconds, this one's for months.
        done = subprocess.run(
            [sys.executable, "-P", "-m", "flink_jobs.windows", "submit", *names], check=False
        )
        failed = done.returncode != 0
        pause = min(max(pause, PATIENCE_SECONDS) * 2, _LONGEST_SECONDS) if failed else PATIENCE_SECONDS


def _reload(schemas_dir: Path, before: Mapping[str, BoundWindow]) -> Mapping[str, BoundWindow]:
    try:
        return load(schemas_dir)
    except DeclarationError as error:
        log.warning("the windows read before are kept: %s", error)
        return before
