"""Processes of a group under seeded kills: one that is killed is started again, as a supervisor does."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

SLOTS = ("0", "1")
_STOPS_WITHIN_S = 30.0


class Kill(NamedTuple):
    """Which process is killed, and how long after the one before."""

    after_s: float
    slot: str


def draw_kills(seed: int, seconds: float, between_s: tuple[float, float]) -> list[Kill]:
    """Return the kills that fit into `seconds`; the same for the same seed."""
    chance = random.Random(seed)
    kills: list[Kill] = []
    passed = 0.0
    while (passed := passed + (after := chance.uniform(*between_s))) < seconds:
        kills.append(Kill(after, chance.choice(SLOTS)))
    return kills


class Group:
    """Two processes of one engine, each with a log in `folder`."""

    def __init__(self, name: str, command: Callable[[str], Sequence[str]], folder: Path) -> None:
        """Start them. `command` gives the arguments of Python for a slot."""
        self._name, self._command, self._folder = name, command, folder
        self._running = {slot: self._start(slot) for slot in SLOTS}

    def _start(self, slot: str) -> "subprocess.Popen[bytes]":
        with (self._folder / f"{self._name}-{slot}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *self._command(slot)], stdout=log, stderr=log, env={**os.environ}
            )

    def kill(self, slot: str) -> None:
        """SIGKILL one and start its next life."""
        self._running[slot].kill()
        self._running[slot].wait()
        self._running[slot] = self._start(slot)

    def revive(self) -> None:
        """Start what has ended by itself, as a supervisor does."""
        for slot, process in self._running.items():
            if process.poll() is not None:
                self._running[slot] = self._start(slot)

    def stop(self) -> None:
        """End both, by force where SIGTERM does not do."""
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOPS_WITHIN_S
        for process in self._running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
