"""Submits the windows that are wanted and do not run. One pass; safe to repeat, and to run twice at once."""

import fcntl
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flink_jobs.windows.applied import changes, refusal, remember
from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.checkpoints import folder, forget, forget_others, newest
from flink_jobs.windows.cluster import Cluster, Job
from flink_jobs.windows.config import Settings
from flink_jobs.windows.plan import plan
from flink_jobs.windows.provisional import job_of, provisional_plan
from flink_jobs.windows.resume import begun_anew, check
from flink_jobs.windows.starts import begin, name, starts
from flink_jobs.windows.stopped import stopped

if TYPE_CHECKING:
    from flink_jobs.windows.job import Session


def missing(declared: Collection[str], jobs: Mapping[str, Job], marked: Collection[str]) -> list[str]:
    """The windows, of those declared, that should run and do not, by name; those marked as stopped do not."""
    return sorted(name for name in declared if name not in jobs and name not in marked)


def provisional_missing(
    declared: Mapping[str, BoundWindow], jobs: Mapping[str, Job], marked: Collection[str]
) -> list[str]:
    """The windows, of those declared by job name, whose provisional job should run and does not, by name."""
    asked = {job_of(name): name for name, window in declared.items() if window.declaration.provisional}
    return [asked[job] for job in missing(asked, jobs, {job_of(name) for name in marked})]


def submit(
    windows: Mapping[str, BoundWindow], settings: Settings, now_ms: Callable[[], int]
) -> dict[str, str]:
    """Start the jobs of each window that neither run nor are stopped; return the new ones, job -> Flink's id.

    Each goes on from its newest checkpoint, or begins with the log's oldest record when it has none or its
    tables were dropped; its provisional job, if it declares one, begins anew. Blocks; another process that
    submits for the same state folder is waited for. `now_ms` is the clock.

    Raises:
        ClusterAwayError: nothing was started.
        StartRefusedError: those before it were started; provisional ones come last.
    """
    with alone(settings.state_dir):
        jobs = Cluster(settings.flink_url).jobs()
        for running, job in jobs.items():
            _tidy(settings, running, job)
        named = {settings.qualified(each): window for each, window in windows.items()}
        wanted = missing(named, jobs, stopped(settings.state_dir))
        early = provisional_missing(named, jobs, stopped(settings.state_dir))
        if not wanted and not early:
            return {}
        # Imported here: it loads PyFlink and starts Java, which a pass with nothing to do can spare.
        from flink_jobs.windows.job import Session

        session = Session(settings.flink_url)
        started = {}
        for declared, window in windows.items():
            job_name = settings.qualified(declared)
            # Read anew for each: a mark may have come while Java started, which takes seconds.
            if job_name not in wanted or job_name in stopped(settings.state_dir):
                continue
            started[declared] = _start(session, settings, job_name, window)
        for job_name in early:
            if job_name not in stopped(settings.state_dir):
                forget(folder(settings.checkpoints_dir, job_of(job_name)))
                first = provisional_plan(named[job_name], settings, now_ms())
                started[job_of(named[job_name].declaration.window)] = session.prepare(first).submit()
        return started


def _start(session: "Session", settings: Settings, job_name: str, window: BoundWindow) -> str:
    """Submit one job from its newest checkpoint and return its id; raises StartRefusedError."""
    history = starts(settings.state_dir, job_name)
    checkpoints = folder(settings.checkpoints_dir, job_name)
    restore = newest(checkpoints, [start.job for start in history])
    prepared = session.prepare(plan(window, settings, restore=restore))
    tables = prepared.tables(settings.database)
    if begun_anew(job_name, tables, history):
        forget(checkpoints)
        restore, prepared = None, session.prepare(plan(window, settings))
    committed = prepared.committed(settings.database)
    check(job_name, restore, committed, history)
    if restore is not None or any(summary is not None for summary in committed.values()):
        refuse_changed(settings.state_dir, job_name, window)
    remember(settings.state_dir, job_name, window.declaration)
    begin(settings.state_dir, job_name, restore, tables)
    job = prepared.submit()
    name(settings.state_dir, job_name, job)
    return job


def refuse_changed(state_dir: Path, job_name: str, window: BoundWindow) -> None:
    """Raise StartRefusedError when the declaration is not that of the rows which the table holds."""
    if fields := changes(state_dir, job_name, window.declaration):
        raise refusal(job_name, fields)


@contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """Hold the state folder; blocks while another process does, for as long as a submission takes."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "submit.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tidy(settings: Settings, window: str, job: Job) -> None:
    """Once a running job has a checkpoint of its own, those of the jobs before it serve nobody."""
    window_folder = folder(settings.checkpoints_dir, window)
    latest = newest(window_folder)
    if job.settled and latest is not None and latest.parent.name == job.id:
        forget_others(window_folder, latest)
