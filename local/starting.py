"""Start components in the order of their needs, and tell one that is slow from one that does not come up."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPException

from local.component import Component
from local.errors import RuntimeProblem
from local.rpc import AWAY, Process, Supervisor
from local.stack import Stack
from local.supervisord import write_script
from local.warden import gave_up, gave_up_file

Report = Callable[[str, str], None]

# More at once would not be sooner on few cores, and some parts have time limits of their own in their start.
SIDE_BY_SIDE = max(4, os.cpu_count() or 1)
# The first may be such a limit, or what a killed predecessor left behind.
DEATHS = 2
SUPERVISOR_ENDED = "its supervisor ended"
# What explains an end wherever it stands in a log; errors behind it follow from it.
_CAUSE = re.compile(
    "Address already in use|No space left on device|Too many open files|OutOfMemoryError|ZipException|zip END"
)


@dataclass
class Start:
    """A component that was started at `since` (monotonic seconds) and is not ready yet."""

    component: Component
    since: float
    pid: int
    deaths: int = 0

    def observe(self, process: Process | None) -> str | None:
        """Take note of what the supervisor says; why the start has failed, or None while it has not."""
        if process is None:
            return SUPERVISOR_ENDED
        if process.pid != self.pid:
            self.deaths += self.pid != 0  # from no process to a new one is no further death
            self.pid = process.pid
        if self.deaths >= DEATHS or process.state in ("FATAL", "STOPPED"):
            return "it ended while it was starting, more than once"
        return None


def start_all(
    stack: Stack, supervisor: Supervisor, starting: Mapping[str, Component], report: Report
) -> None:
    """Start each component as soon as those it needs are ready; blocks until all are.

    Raises RuntimeProblem for the first that ends twice or is not ready in time.
    """
    waiting, begun = dict(starting), dict[str, Start]()
    while waiting:
        for name in _next(waiting, begun):
            report(name, "starting")
            begun[name] = Start(waiting[name], time.monotonic(), _start(stack, supervisor, waiting[name]))
        processes = supervisor.processes()
        for name, start in list(begun.items()):
            if _is_ready(stack, start, processes.get(name)):
                _finish(stack, start.component)
                del waiting[name], begun[name]
                report(name, f"ready in {time.monotonic() - start.since:.1f} s")
        time.sleep(0.1)


def last_words(log: Iterable[str]) -> str:
    """The line of a log that says best why its program ended: a known cause, else the last error or line."""
    lines = [line.strip() for line in log if line.strip()]
    if causes := [line for line in lines if _CAUSE.search(line)]:
        return causes[-1][:300]
    errors = [line for line in lines if re.search(r"\b(ERROR|FATAL|PANIC)\b|Exception|Error", line)]
    told = [line for line in errors if not line.startswith("at ")]
    return (told or lines or [""])[-1][:300]


def _next(waiting: Mapping[str, Component], begun: Mapping[str, Start]) -> list[str]:
    """What can be started now: not begun, needs nothing that is still waited for, and there is room."""
    free = [name for name in waiting if name not in begun and not waiting.keys() & set(waiting[name].needs)]
    return free[: SIDE_BY_SIDE - len(begun)]


def _start(stack: Stack, supervisor: Supervisor, component: Component) -> int:
    gave_up_file(stack.home, component.name).unlink(missing_ok=True)
    component.prepare(stack)
    write_script(stack, component)
    try:
        supervisor.start(component.name)
        return supervisor.processes()[component.name].pid
    except (KeyError, *AWAY) as error:
        raise problem(stack, component, SUPERVISOR_ENDED) from error


def _finish(stack: Stack, component: Component) -> None:
    try:
        component.started(stack)
    except (OSError, HTTPException, subprocess.SubprocessError) as error:
        raise problem(
            stack, component, f"it serves, but could not be set up ({type(error).__name__}: {error})"
        ) from error


def _is_ready(stack: Stack, start: Start, process: Process | None) -> bool:
    failure = start.observe(process) or gave_up(stack.home, start.component.name)
    missing = start.component.waiting_for(stack) if failure is None else failure
    if failure is None and missing is not None:
        limit = start.component.start_seconds
        if time.monotonic() - start.since > limit:
            failure = f"not ready after {limit} s: {missing}"
    if failure is not None:
        raise problem(stack, start.component, failure)
    return missing is None


def problem(stack: Stack, component: Component, what: str) -> RuntimeProblem:
    """A RuntimeProblem about `component` that quotes its log."""
    log = stack.log(component.name)
    words = ""
    if log.is_file():
        words = last_words(log.read_text(encoding="utf-8", errors="replace").splitlines()[-300:])
    said = f"; its log says: {words}" if words else ""
    return RuntimeProblem(component.name, what + said, log=log, remedy=component.remedy)
