"""What the parts of a stack are doing."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from local.component import Component
from local.components import components
from local.processes import resident_mb
from local.rpc import Process, Supervisor
from local.stack import Stack
from local.warden import gave_up


@dataclass(frozen=True, slots=True)
class Status:
    """One part. `state` is ready, starting, unready, failed or stopped; `detail` says why it is not ready."""

    name: str
    state: str
    detail: str
    pid: int | None
    up_seconds: int
    memory_mb: int
    addresses: dict[str, str]
    log: str


def status(stack: Stack, known: Mapping[str, Component] | None = None) -> list[Status]:
    """The state of every part, asked of the supervisor and of the part itself; blocks for 2 s or so."""
    known = known or components()
    processes = Supervisor(stack.socket).processes() if stack.run.is_dir() else {}
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda c: _status(stack, c, processes.get(c.name)), known.values()))


def _status(stack: Stack, component: Component, process: Process | None) -> Status:
    state, detail = _state(stack, component, process)
    pid = process.pid if process and process.pid else None
    return Status(
        component.name,
        state,
        detail,
        pid,
        process.up_seconds if process else 0,
        round(resident_mb(pid)) if pid else 0,
        component.addresses(stack) if pid else {},
        str(stack.log(component.name)),
    )


def _state(stack: Stack, component: Component, process: Process | None) -> tuple[str, str]:
    if (why := gave_up(stack.home, component.name)) is not None:
        return "failed", why
    if process is None or process.state == "STOPPED" or (process.state == "EXITED" and not process.up):
        return "stopped", ""  # one that has ended for good and was stopped since stays EXITED
    if process.state in ("FATAL", "UNKNOWN"):
        return "failed", process.said
    if process.state not in ("STARTING", "RUNNING"):
        return "starting", process.said  # it has ended and is about to be started again
    missing = component.waiting_for(stack)
    if missing is None:
        return "ready", ""
    return ("starting" if process.up_seconds < component.start_seconds else "unready"), missing
