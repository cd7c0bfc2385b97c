"""`kapstan windows apply|list|stop`: the declared windows and the jobs that compute them."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.connection import SCHEMAS, AsJson
from cli.options import Home, PortBase
from flink_jobs.windows.applied import changes
from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.checkpoints import folder, newest
from flink_jobs.windows.cluster import Cluster, Job
from flink_jobs.windows.errors import WindowsError
from flink_jobs.windows.load import load
from flink_jobs.windows.provisional import job_of
from flink_jobs.windows.stopped import mark, stopped, unmark
from flink_jobs.windows.submit import alone, refuse_changed
from local import supervise
from local.errors import RuntimeProblem
from local.flink import checkpoints_dir
from local.places import repository
from local.poll import until
from local.stack import Stack
from local.windows import python, settings, state_dir

windows = typer.Typer(help="Event-time windows: what is declared and what runs.")
Names = Annotated[list[str] | None, typer.Argument(help="Windows; all by default.", show_default=False)]
_SETTLE_SECONDS = 120
_START = "`kapstan up --only windows` starts it"
# What fits a terminal; --json tells the rest.
_SHOWN = ("window", "type", "state", "checkpoint_age_s")


@windows.command()
def apply(names: Names = None, home: Home = None, port_base: PortBase = None) -> None:
    """Submit the windows that do not run; each goes on from its newest checkpoint. Stopped ones run again."""
    stack = Stack.at(home, port_base)
    chosen = _chosen(names)
    cluster = _cluster(stack)
    running = set(_jobs(cluster))
    _refuse_changed(stack, chosen, running)
    waiting = _waiting(chosen, running)
    with _unmarked(stack, cluster, chosen):
        if waiting:
            _submit(stack, waiting)
    wanted = [
        job for name, window in _declared().items() if name in chosen for job in _job_names(name, window)
    ]
    if not until(lambda: all(_runs(_jobs(cluster).get(job)) for job in wanted), _SETTLE_SECONDS):
        raise RuntimeProblem(
            "windows",
            f"not every job runs after {_SETTLE_SECONDS} s",
            remedy=f"`kapstan windows list` shows which; {stack.url('flink.rest')} shows why",
        )
    typer.echo(f"{len(chosen)} windows run, {len(waiting)} of them submitted now")


@contextmanager
def _unmarked(stack: Stack, cluster: Cluster, chosen: list[str]) -> Iterator[None]:
    """Take the marks of a stop away; when the body fails, those windows that do not run have them again."""
    before = stopped(state_dir(stack)) & set(chosen)
    for name in before:
        unmark(state_dir(stack), name)
    try:
        yield
    except BaseException:  # Ctrl-C too: the keeper would go on trying what nobody has started
        with alone(state_dir(stack)):
            for name in before - _still_running(cluster):
                mark(state_dir(stack), name)
        raise


def _still_running(cluster: Cluster) -> set[str]:
    try:
        return set(cluster.jobs())
    except WindowsError:
        return set()  # a job that runs nevertheless stays; it is only not started again


def _waiting(chosen: list[str], running: set[str]) -> list[str]:
    """The windows of which the job, or the provisional one that they declare, does not run."""
    declared = _declared()
    return sorted(name for name in chosen if not set(_job_names(name, declared[name])) <= running)


def _job_names(name: str, window: BoundWindow) -> list[str]:
    return [name, job_of(name)] if window.declaration.provisional else [name]


def _submit(stack: Stack, names: list[str]) -> None:
    """Submit the windows in a process of its own, which says itself what went wrong; raises Exit then."""
    command = [*python(), "submit", *names]
    environ = {**os.environ, **settings(stack), "PYTHONPATH": str(repository())}
    done = subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise typer.Exit(1)


@windows.command("list")
def list_(home: Home = None, port_base: PortBase = None, as_json: AsJson = False) -> None:
    """Show every declared window: its topic, what it is, its job and the age of its last checkpoint."""
    stack = Stack.at(home, port_base)
    cluster = _cluster(stack)
    jobs, marked = _jobs(cluster), stopped(state_dir(stack))
    rows = [
        _row(
            window,
            jobs.get(name),
            cluster,
            is_stopped=name in marked,
            changed=changes(state_dir(stack), name, window.declaration),
        )
        for name, window in _declared().items()
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table(box=None, pad_edge=False)
    for column in _SHOWN:
        table.add_column(column.replace("_", " "), no_wrap=True)
    for row in rows:
        table.add_row(*("" if row[column] is None else str(row[column]) for column in _SHOWN))
    Console().print(table)


@windows.command()
def stop(names: Names = None, home: Home = None, port_base: PortBase = None) -> None:
    """Stop windows until they are applied again: they then go on from their last checkpoint.

    Blocks while windows are being submitted, and until the jobs have ended.
    """
    stack = Stack.at(home, port_base)
    chosen = _chosen(names)
    cluster = _cluster(stack)
    _jobs(cluster)  # without a JobManager this ends here: no mark is set and no folder made
    with alone(state_dir(stack)):
        # Asked for again: the submission that was waited for may have started one of them.
        theirs = {*chosen, *map(job_of, chosen)}
        running = {name: job for name, job in _jobs(cluster).items() if name in theirs}
        _cancel(stack, cluster, chosen, running)
    if not until(lambda: not theirs & set(_jobs(cluster)), _SETTLE_SECONDS):
        raise RuntimeProblem(
            "windows",
            f"a job did not end within {_SETTLE_SECONDS} s after it was asked to",
            remedy=f"{stack.url('flink.rest')} shows why; `kapstan windows apply` takes the stop back",
        )
    typer.echo(
        f"{len(set(chosen) & set(running))} windows stopped; `kapstan windows apply` starts them again"
    )


def _cancel(stack: Stack, cluster: Cluster, chosen: list[str], running: dict[str, Job]) -> None:
    """Mark the windows and cancel their jobs; when Flink goes away meanwhile, the rest is unmarked again."""
    fresh = set(chosen) - stopped(state_dir(stack))
    # The marks go first: the keeper would submit a cancelled job again.
    for name in chosen:
        mark(state_dir(stack), name)
    try:
        for name, job in running.items():
            cluster.cancel(job.id)
            fresh.discard(name)
    except WindowsError as error:
        for name in fresh:
            unmark(state_dir(stack), name)
        raise _away(error) from error


def _away(error: WindowsError) -> RuntimeProblem:
    # The error's own text ends with the remedy, which stands below it here.
    return RuntimeProblem("windows", str(error).removesuffix(f"; {_START}"), remedy=_START)


def _declared() -> dict[str, BoundWindow]:
    try:
        return load(SCHEMAS)
    except WindowsError as error:
        raise RuntimeProblem("windows", str(error), remedy="mend the declarations and try again") from error


def _chosen(names: list[str] | None) -> list[str]:
    declared = _declared()
    if unknown := sorted(set(names or ()) - set(declared)):
        raise RuntimeProblem(
            "windows",
            f"no window {', '.join(unknown)} is declared",
            remedy=f"choose from: {', '.join(declared)}",
        )
    return names or list(declared)


def _refuse_changed(stack: Stack, chosen: list[str], running: set[str]) -> None:
    """Raise RuntimeProblem when a window was begun in another form than its file now declares.

    One that neither runs nor has a checkpoint is left to the submission: its tables may have been dropped
    in order to begin anew.
    """
    declared = _declared()
    try:
        for name in sorted(chosen):
            if name in running or newest(folder(checkpoints_dir(stack), name)):
                refuse_changed(state_dir(stack), name, declared[name])
    except WindowsError as error:
        raise RuntimeProblem(
            "windows",
            str(error),
            remedy="nothing was submitted; a job that runs goes on in its old form until then",
        ) from error


def _cluster(stack: Stack) -> Cluster:
    # Another stack's Flink would answer on the same port as well.
    if "flink" not in supervise.running(stack):
        raise RuntimeProblem("windows", f"Flink does not run in {stack.home}", remedy=_START)
    return Cluster(stack.url("flink.rest"))


def _jobs(cluster: Cluster) -> dict[str, Job]:
    try:
        return cluster.jobs()
    except WindowsError as error:
        raise _away(error) from error


def _runs(job: Job | None) -> bool:
    return job is not None and job.settled


def _row(
    window: BoundWindow, job: Job | None, cluster: Cluster, *, is_stopped: bool, changed: list[str]
) -> dict[str, str | int | None]:
    declared = window.declaration
    state = job.state.lower() if job else "stopped" if is_stopped else "not running"
    state = "starting" if job and state == "running" and not job.settled else state
    return {
        "window": declared.window,
        "type": declared.assign.type,
        "topic": declared.topic,
        "table": f"gold.{declared.table}",
        "state": f"{state}, file changed" if changed else state,
        "changed": ", ".join(changed) or None,
        "job": job.id if job else None,
        "since": datetime.fromtimestamp(job.since_ms / 1000, UTC).isoformat(timespec="seconds")
        if job
        else None,
        "checkpoint_age_s": _checkpoint_age(cluster, job) if job else None,
    }


def _checkpoint_age(cluster: Cluster, job: Job) -> int | None:
    try:
        latest = cluster.checkpoints(job.id)["latest"]["completed"]
    except WindowsError:
        return None  # it ended just now
    return round(time.time() - latest["latest_ack_timestamp"] / 1000) if latest else None
