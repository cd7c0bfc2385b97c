"""Start, watch and stop the components of a stack. supervisord runs them; here is decided what and when."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping

import psutil

from local import environment, preflight
from local.component import Component
from local.components import choose, components
from local.errors import RuntimeProblem
from local.fetch import fetch, locked_folder
from local.java import adopt_startup_caches, writes_startup_cache
from local.places import repository
from local.poll import until
from local.processes import members, reap
from local.rpc import AWAY, Supervisor
from local.stack import Stack
from local.starting import Report, problem, start_all
from local.status import status
from local.supervisord import MARK, process_environment, script_path, settings
from local.warden import gave_up_file

# A Popen that is collected before its process was seen to end is a ResourceWarning, an error in tests.
_STARTED: list[subprocess.Popen[bytes]] = []


def _quiet(name: str, message: str) -> None:
    """Report to nobody."""


def up(
    stack: Stack,
    only: Iterable[str] | None = None,
    without: Iterable[str] = (),
    *,
    known: Mapping[str, Component] | None = None,
    report: Report = _quiet,
    checked: bool = False,
) -> list[str]:
    """Start components (see `choose` for which) and return the names of those started, all of them ready.

    Blocks. What runs already is left alone. On any failure, or Ctrl-C, what this call started is stopped
    again (everything, if nothing ran before), then RuntimeProblem or KeyboardInterrupt is raised. A caller
    that has had `preflight.check` look at these components says so with `checked`.
    """
    known = known or components()
    chosen = choose(known, only, without)
    stack.make_folders()
    with locked_folder(stack.run):
        supervisor = Supervisor(stack.socket)
        fresh = not supervisor.alive()
        if not fresh:
            _refuse_other_ports(stack)
        stack.record()
        if fresh:
            reap(stack.home)  # what a killed supervisor may have left behind
        already = _processes_of(supervisor)
        starting = {name: component for name, component in chosen.items() if name not in already}
        if not checked:
            preflight.check(stack, starting.values())
        try:
            _bring_files(starting.values())
            _serve(stack, supervisor, known, fresh=fresh)
            start_all(stack, supervisor, starting, report)
        except BaseException:
            try:
                _stop(stack, supervisor, known, known if fresh else starting, report)
            finally:  # a second Ctrl-C cuts the orderly stop short, not the cleaning up
                if fresh:
                    _end(stack, supervisor, known)
            raise
    return list(starting)


def down(stack: Stack, *, known: Mapping[str, Component] | None = None, report: Report = _quiet) -> bool:
    """Stop everything, dependents first; blocks until no process is left. False when there was none."""
    known = known or components()
    if not stack.run.is_dir():
        return False
    with locked_folder(stack.run):
        supervisor = Supervisor(stack.socket)
        was_alive = supervisor.alive()
        _stop(stack, supervisor, known, known, report)
        return bool(_end(stack, supervisor, known)) or was_alive


def running(stack: Stack) -> set[str]:
    """The names of the components that have a process or are about to have one again; none may be.

    Raises RuntimeProblem when they run with another port base than the stack's.
    """
    supervisor = Supervisor(stack.socket)
    if not stack.run.is_dir() or not supervisor.alive():
        return set()
    _refuse_other_ports(stack)
    return _processes_of(supervisor)


def ready(stack: Stack, *, known: Mapping[str, Component] | None = None) -> list[str]:
    """The names of the components that serve right now."""
    return [part.name for part in status(stack, known) if part.state == "ready"]


def start(stack: Stack, name: str, *, known: Mapping[str, Component] | None = None) -> None:
    """Start one component of a running stack and wait until it is ready.

    Raises RuntimeProblem when the stack does not run, or with other ports, or lacks what the component needs.
    """
    component = (known or components())[name]
    supervisor = _running(stack)
    with locked_folder(stack.run):
        _check_start(stack, supervisor, component)
        start_all(stack, supervisor, {name: component}, _quiet)


def stop(stack: Stack, name: str, *, known: Mapping[str, Component] | None = None) -> None:
    """Stop one component of a running stack and wait until it has ended."""
    component = (known or components())[name]
    supervisor = _running(stack)
    with locked_folder(stack.run):
        _stop(stack, supervisor, {name: component}, [name], _quiet)


def stop_all(stack: Stack, names: Iterable[str], *, report: Report = _quiet) -> None:
    """Stop these components, dependents first, while the others run on; nothing when none runs."""
    if stack.run.is_dir():
        with locked_folder(stack.run):
            _stop(stack, Supervisor(stack.socket), components(), list(names), report)


def restart(stack: Stack, name: str, *, known: Mapping[str, Component] | None = None) -> None:
    """Stop and start one component; returns when it is ready again.

    Raises RuntimeProblem as `start` does; it is not stopped then.
    """
    component = (known or components())[name]
    supervisor = _running(stack)
    with locked_folder(stack.run):
        _check_start(stack, supervisor, component)
        _stop(stack, supervisor, {name: component}, [name], _quiet)
        start_all(stack, supervisor, {name: component}, _quiet)


def kill(stack: Stack, name: str, signal: str = "KILL") -> None:
    """Send `signal` to a component's process; the supervisor starts again what that ends."""
    _running(stack).signal(name, signal)


def wait_ready(
    stack: Stack, name: str, seconds: float, *, known: Mapping[str, Component] | None = None
) -> None:
    """Block until the component serves. RuntimeProblem when it does not within `seconds`."""
    component = (known or components())[name]
    if not until(lambda: component.waiting_for(stack) is None, seconds):
        raise problem(stack, component, f"not ready after {seconds:.0f} s: {component.waiting_for(stack)}")


def _refuse_other_ports(stack: Stack) -> None:
    if stack.recorded_base != stack.port_base:
        raise RuntimeProblem(
            "kapstan",
            f"the stack in {stack.home} runs already, with port base {stack.recorded_base}",
            remedy="leave --port-base and KAPSTAN_PORT_BASE out, or give a second stack a --home of its own",
        )


def _processes_of(supervisor: Supervisor) -> set[str]:
    return {process.name for process in supervisor.processes().values() if process.up}


def _bring_files(starting: Iterable[Component]) -> None:
    """Fetch what the components are made of, and make the environments that they run in."""
    starting = list(starting)
    fetch(preflight.artifacts_of(starting))
    for group in dict.fromkeys(group for component in starting for group in component.groups):
        environment.ensure(group)


def _check_start(stack: Stack, supervisor: Supervisor, component: Component) -> None:
    """Bring the component's files; RuntimeProblem when it could not start."""
    _refuse_other_ports(stack)
    there = _processes_of(supervisor)
    if missing := [need for need in component.needs if need not in there]:
        raise RuntimeProblem(
            component.name,
            f"it needs {', '.join(missing)}, which does not run",
            remedy=f"`kapstan up --only {component.name}` starts both",
        )
    _bring_files([component])


def _running(stack: Stack) -> Supervisor:
    supervisor = Supervisor(stack.socket)
    if not supervisor.alive():
        raise RuntimeProblem("kapstan", f"nothing runs in {stack.home}", remedy="start it with `kapstan up`")
    return supervisor


def _serve(stack: Stack, supervisor: Supervisor, known: Mapping[str, Component], *, fresh: bool) -> None:
    (stack.run / "supervisord.conf").write_text(settings(stack, known.values()), encoding="utf-8")
    if not fresh:
        supervisor.reload()
        return
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(stack.run / "supervisord.conf")]
    with stack.log("supervisord.out").open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=repository(),
            env=process_environment() | {MARK: str(stack.home)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for us: we stop things in order
        )
    _STARTED.append(process)
    if not until(lambda: supervisor.alive() or process.poll() is not None, 20) or process.poll() is not None:
        raise RuntimeProblem(
            "kapstan",
            "its process supervisor did not start",
            log=stack.log("supervisord.out"),
            remedy="read the log; `kapstan down` clears what is left of an earlier run",
        )


def _stop(
    stack: Stack, supervisor: Supervisor, known: Mapping[str, Component], names: Iterable[str], report: Report
) -> None:
    """Stop the named components, each after all that need it; returns at once when supervisord is away."""
    left = _processes_of(supervisor) & set(names)
    asked: set[str] = set()
    deadline = time.monotonic() + sum(known[name].stop_seconds for name in left) + 10
    while left and time.monotonic() < deadline:
        for name in left:
            if not any(name in known[other].needs for other in left):
                if name not in asked:
                    asked.add(name)
                    report(name, "stopping" + _extra_work(stack, known[name]))
                with contextlib.suppress(*AWAY):  # supervisord has just ended; then so has what it ran
                    supervisor.stop_soon(name)
        processes = supervisor.processes()
        for name in [name for name in left if name not in processes or not processes[name].up]:
            report(name, "stopped")
            left.remove(name)
        time.sleep(0.1)
    for name in names:
        gave_up_file(stack.home, name).unlink(missing_ok=True)


def _extra_work(stack: Stack, component: Component) -> str:
    script = script_path(stack, component)
    writes = script.is_file() and writes_startup_cache(script.read_text(encoding="utf-8"))
    return " and writing a start-up cache, once" if writes else ""


def _end(stack: Stack, supervisor: Supervisor, known: Mapping[str, Component]) -> list[str]:
    process = _supervisord(stack)
    supervisor.shutdown()
    if process is not None:
        with contextlib.suppress(psutil.Error):  # gone already, or it hangs: then it is among those reaped
            process.wait(timeout=60)
    reaped = reap(stack.home)
    _STARTED[:] = [process for process in _STARTED if process.poll() is None]
    adopt_startup_caches(stack, lambda name: name in known and known[name].has_worked(stack))
    return reaped


def _supervisord(stack: Stack) -> psutil.Process | None:
    """The stack's supervisord. A number that a killed one left behind may be any process's by now."""
    pid_file = stack.run / "supervisord.pid"
    written = pid_file.read_text(encoding="utf-8").strip() if pid_file.is_file() else ""
    return next((process for process in members(stack.home) if str(process.pid) == written), None)
