"""Talk to a stack's supervisord over its socket."""

from __future__ import annotations

import contextlib
import http.client
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from supervisor.xmlrpc import Faults, SupervisorTransport

from local.supervisord import EXIT_STOP

# What a call raises while supervisord is away.
AWAY = (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError)
_UP = ("STARTING", "RUNNING", "BACKOFF", "STOPPING")


@dataclass(frozen=True, slots=True)
class Process:
    """A component as supervisord sees it: `state` and what is `said` of it are its own words.

    `exit_status` is how its last process ended, -1 for a signal; 0 while that is not known.
    """

    name: str
    state: str
    pid: int
    up_seconds: int
    said: str
    exit_status: int = 0

    @property
    def up(self) -> bool:
        """Whether it has a process, or is about to have one again without anybody's order.

        One that has ended is EXITED until supervisord's next round, which starts it again (its `autorestart`
        is `unexpected`), and takes no order to stop meanwhile; only the exit status tells it from one that
        stays down.
        """
        return self.state in _UP or (self.state == "EXITED" and self.exit_status != EXIT_STOP)


class Supervisor:
    """supervisord's XML-RPC interface, as far as we use it; where not said, methods raise when it is away."""

    def __init__(self, socket: Path) -> None:
        self._transport = SupervisorTransport(None, None, f"unix://{socket}")
        self._proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=self._transport)

    def alive(self) -> bool:
        """Whether it answers."""
        try:
            self._call("getState")
        except AWAY:
            return False
        return True

    def processes(self) -> dict[str, Process]:
        """Every component by name, whether it runs or not; empty when supervisord is away."""
        try:
            rows = cast("list[dict[str, Any]]", self._call("getAllProcessInfo"))
        except AWAY:
            return {}
        return {
            row["name"]: Process(
                row["name"],
                row["statename"],
                row["pid"],
                row["now"] - row["start"] if row["pid"] else 0,
                row["description"] if row["spawnerr"] == "" else row["spawnerr"],
                row["exitstatus"],
            )
            for row in rows
            if row["name"] != "warden"
        }

    def reload(self) -> None:
        """Take in what changed in the configuration; what runs keeps its settings until it stops."""
        (added, changed, removed), *_ = cast("list[list[list[str]]]", self._call("reloadConfig"))
        for name in [*changed, *removed]:
            with contextlib.suppress(xmlrpc.client.Fault):
                self._call("removeProcessGroup", name)
                if name in changed:
                    self._call("addProcessGroup", name)
        for name in added:
            self._call("addProcessGroup", name)

    def start(self, name: str) -> None:
        """Start `name` without waiting; nothing when it runs already."""
        with _tolerating(Faults.ALREADY_STARTED):
            self._call("startProcess", name, False)

    def stop_soon(self, name: str) -> None:
        """Ask `name` to end without waiting; nothing when it does not run, even if it is to start again."""
        with _tolerating(Faults.NOT_RUNNING):
            self._call("stopProcess", name, False)

    def stopped(self, name: str) -> bool:
        """Ask `name` to end, and say whether it has, with no new start to come."""
        self.stop_soon(name)
        return self.processes()[name].state in ("STOPPED", "FATAL")

    def signal(self, name: str, signal: str) -> None:
        """Send the signal called `signal` (KILL, TERM, STOP) to the process itself, not to its children."""
        self._call("signalProcess", name, signal)

    def shutdown(self) -> None:
        """End supervisord and all it runs; returns before it has."""
        for name in self.processes():  # it takes a second per group that is left, even for those that stopped
            with contextlib.suppress(xmlrpc.client.Fault):
                self._call("removeProcessGroup", name)
        with contextlib.suppress(*AWAY):
            self._call("shutdown")

    def _call(self, method: str, *arguments: object) -> object:
        try:
            return getattr(self._proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == Faults.SHUTDOWN_STATE:  # it still answers, but takes no orders
                raise ConnectionError("supervisord is ending") from fault
            raise
        finally:
            self._transport.close()  # a connection left to the garbage collector is a warning in every test


@contextmanager
def _tolerating(fault: int) -> Iterator[None]:
    try:
        yield
    except xmlrpc.client.Fault as error:
        if error.faultCode != fault:
            raise
