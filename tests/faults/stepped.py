"""`python -m tests.faults.stepped FILE MODULE`: runs a service whose wall clock is off by what FILE says.

The file holds a number of seconds; it is read again ten times a second. The machine's clock is left alone,
and so are monotonic clocks: that is what a step of the wall clock is.
"""

import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path

_EVERY_S = 0.1


class Stepped:
    """A wall clock that is off; `tell` is told each new step when it is first in force."""

    def __init__(self, file: Path, tell: Callable[[float], None]) -> None:
        """Take the file with the step in seconds; one that is missing or half written leaves it as it is."""
        self._file = file
        self._tell = tell
        self._real_ns = time.time_ns
        self._read_at = float("-inf")
        self._step_ns = 0

    def time_ns(self) -> int:
        """Return nanoseconds since the epoch, by this clock."""
        now = time.monotonic()
        if now - self._read_at > _EVERY_S:
            self._read_at = now
            self._look()
        return self._real_ns() + self._step_ns

    def time(self) -> float:
        """Return seconds since the epoch, by this clock."""
        return self.time_ns() / 1e9

    def _look(self) -> None:
        try:
            step_s = float(self._file.read_text())
        except (OSError, ValueError):
            return
        if round(step_s * 1e9) != self._step_ns:
            self._step_ns = round(step_s * 1e9)
            self._tell(step_s)


def told(step_s: float) -> str:
    """What the log says when a step is in force."""
    return f"the wall clock is off by {step_s:g} s now"


def main(file: Path, module: str) -> None:
    """Step the clock of this process and run the module in it."""

    def tell(step_s: float) -> None:
        sys.stderr.write(told(step_s) + "\n")
        sys.stderr.flush()

    clock = Stepped(file, tell)
    time.time_ns, time.time = clock.time_ns, clock.time
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
