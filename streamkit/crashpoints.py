"""Named places beside each side effect where the fault suite ends the process, as kill -9 would.

KAPSTAN_CRASH_AT=<name>[:<n>] ends it at the n-th pass (default the first). Unset, a pass is one comparison.
"""

import os
import signal
from collections.abc import Callable

VARIABLE = "KAPSTAN_CRASH_AT"

TRANSFORM_POINTS = (
    "assign.before_committed",
    "assign.before_changelog_end",
    "restore.before_write",
    "restore.after_write",
    "restore.before_resume",
    "transaction.after_begin",
    "transaction.before_outputs",
    "transaction.after_outputs",
    "transaction.after_changelog",
    "transaction.after_offsets",
    "transaction.after_commit",
    "transaction.after_store",
)
SINK_POINTS = (
    "sink.before_open",
    "sink.after_open",
    "sink.before_write",
    "sink.after_write",
    "sink.before_commit",
    "sink.after_commit",
    "sink.after_hint",
)
REDRIVE_POINTS = (
    "redrive.after_init",
    "redrive.after_markers",
    "redrive.after_begin",
    "redrive.after_record",
    "redrive.after_marker",
    "redrive.after_commit",
)


def reached(name: str) -> str:
    """Return what is written to standard error when a process ends at a point."""
    return f"Ends at the crash point {name}"


def _kill(name: str) -> None:
    # Straight to the descriptor: nothing that is buffered outlives what follows.
    os.write(2, f"{reached(name)}\n".encode())
    os.kill(os.getpid(), signal.SIGKILL)


class CrashPoints:
    """The one armed point of this process, if any; tests replace `die`."""

    def __init__(self, armed: str | None) -> None:
        self.die: Callable[[str], None] = _kill
        self.arm(armed)

    def arm(self, armed: str | None) -> None:
        """Arm `name` or `name:n`, or nothing."""
        name, _, count = (armed or "").partition(":")
        self._name = name or None
        self._left = int(count or 1)

    def at(self, name: str) -> None:
        """End the process here if this point is armed."""
        if name == self._name:
            self._left -= 1
            if self._left == 0:
                self.die(name)


crash = CrashPoints(os.environ.get(VARIABLE))
