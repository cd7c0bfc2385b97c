"""The services of the decision path, live: each worker a process of its own, which may be killed."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from local.components import components
from local.places import repository
from local.stack import Stack
from local.supervisord import MARK
from local.watched import end
from streamkit.broker import Admin
from streamkit.records import TopicPartition

HOPS: Final = (("enricher", "payments.transactions.v1"), ("fraud_scorer", "payments.enriched.v1"))
_EX_TEMPFAIL: Final = 75
_POLL_S: Final = 0.2
_STALLED_S: Final = 300.0


class Worker:
    """One worker of a service."""

    def __init__(self, stack: Stack, service: str, slot: str) -> None:
        """Take the service and the slot; it is not started."""
        component = components()[service]
        folder = stack.data(service) / f"state-{slot}"
        self.name = f"{service}-{slot}"
        self._command = component.command(stack)
        self._environ = component.environment(stack) | {
            "KAPSTAN_SLOT": slot,
            "KAPSTAN_STATE_DIR": str(folder),
            "KAPSTAN_HTTP_PORT": "0",
            "PYTHONPATH": str(repository()),
            MARK: str(stack.home),  # `down` finds and ends it
        }
        self._log = stack.log(self.name)
        self._process: subprocess.Popen[Any] | None = None

    def start(self) -> None:
        """Start it; returns at once."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env={**os.environ, **self._environ}, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """Kill it with SIGKILL, and collect it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it in order; blocks."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def look(self) -> None:
        """Start it again when it asked for that; RuntimeError when it failed."""
        if self._process is None or self._process.poll() is None:
            return
        if self._process.returncode != _EX_TEMPFAIL:
            tail = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"{self.name} ended with {self._process.returncode}; its log ends: {tail}")
        self.start()


class DecisionPath:
    """Both services with their workers, and how far they are behind."""

    def __init__(self, stack: Stack, admin: Admin) -> None:
        """Take a stack whose topics exist."""
        self.workers = [Worker(stack, service, "0") for service, _ in HOPS]
        self._stack = stack
        self._admin = admin

    def second(self) -> list[Worker]:
        """Start a second worker of each service and return them."""
        found = [Worker(self._stack, service, "1") for service, _ in HOPS]
        for worker in found:
            worker.start()
        self.workers += found
        return found

    def wait(self, most: int, hops: Sequence[tuple[str, str]], told: Callable[[int], object]) -> None:
        """Block until the hops together are at most so many records behind.

        Raises:
            RuntimeError: a worker failed, or none comes on for minutes.
        """
        least, since = None, time.monotonic()
        while (behind := sum(self._behind(*hop) for hop in hops)) > most:
            told(behind)
            for worker in self.workers:
                worker.look()
            if least is None or behind < least:
                least, since = behind, time.monotonic()
            if time.monotonic() - since > _STALLED_S:
                raise RuntimeError(f"the services stand still, {behind:,} records behind")
            time.sleep(_POLL_S)

    def _behind(self, service: str, topic: str) -> int:
        partitions = [TopicPartition(topic, p) for p in range(self._admin.topics([topic])[topic].partitions)]
        ends = self._admin.end_offsets(partitions, committed_only=True)
        return sum(ends.values()) - sum(self._admin.group_offsets(service, partitions).values())


@contextmanager
def running(stack: Stack, admin: Admin) -> Iterator[DecisionPath]:
    """Run one worker of each service until the block ends."""
    path = DecisionPath(stack, admin)
    try:
        for worker in path.workers:
            worker.start()
        yield path
    finally:
        for worker in path.workers:
            worker.stop()
