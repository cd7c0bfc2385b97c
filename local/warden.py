"""An event listener of supervisord: `python -m local.warden HOME`.

It does two things that supervisord does not. It stops a component that keeps dying after it came up, and says
so; and when supervisord itself goes away, however that happened, it ends every process of the stack.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from local.poll import until
from local.processes import reap
from local.rpc import Supervisor

LIVES = 8  # so many lives in a row, each shorter than the next figure, and a component is stopped for good
SHORT_SECONDS = 60.0


@dataclass
class Bound:
    """Counts, per component, the short lives in a row."""

    lives: int = LIVES
    short_seconds: float = SHORT_SECONDS
    _born: dict[str, float] = field(default_factory=dict)
    _count: dict[str, int] = field(default_factory=dict)

    def died(self, name: str, now: float) -> bool:
        """Take note of a death at `now` (seconds, any clock); true when it was one too many in a row."""
        lived = now - self._born.get(name, float("-inf"))
        self._born[name] = now  # supervisord starts it again at once
        self._count[name] = self._count.get(name, 0) + 1 if lived < self.short_seconds else 1
        if self._count[name] < self.lives:
            return False
        del self._count[name], self._born[name]
        return True


def parse(line: str) -> dict[str, str]:
    """The `key:value` words of an event's header or payload (supervisor's event listener protocol)."""
    return dict(word.split(":", 1) for word in line.split() if ":" in word)


def gave_up_file(home: Path, name: str) -> Path:
    """Where the warden says that it stopped a component for good; gone once it is started again."""
    return home / "run" / f"{name}.gave-up"


def gave_up(home: Path, name: str) -> str | None:
    """Why a component was stopped for good; None when it was not."""
    said = gave_up_file(home, name)
    return said.read_text(encoding="utf-8") if said.is_file() else None


def listen(
    events: TextIO,
    answers: TextIO,
    give_up: Callable[[str, str], None],
    note_end: Callable[[str, str], None],
    bound: Bound,
    clock: Callable[[], float],
) -> None:
    """Answer events until supervisord closes the pipe.

    `give_up(name, why)` is told of what flaps, `note_end` of what has ended and will not be started again.
    """
    answers.write("READY\n")
    answers.flush()
    while line := events.readline():
        header = parse(line)
        payload = parse(events.read(int(header["len"])))
        name = payload.get("processname", "")
        if header["eventname"] == "PROCESS_STATE_FATAL":
            give_up(name, "it ended soon after each start")
        elif payload.get("expected") == "1":
            note_end(name, "it stopped by itself and needs a person: its log says why")
        elif payload.get("expected") is not None and bound.died(name, clock()):
            give_up(
                name,
                f"it died {bound.lives} times, each less than {bound.short_seconds:.0f} s after the last",
            )
        answers.write("RESULT 2\nOKREADY\n")
        answers.flush()


def main(home: Path) -> None:
    """Listen until supervisord is gone, then leave nothing of the stack behind."""
    from local.stack import Stack

    supervisor = Supervisor(Stack(home).socket)

    def note_end(name: str, why: str) -> None:
        gave_up_file(home, name).write_text(why, encoding="utf-8")
        print(f"{name} has failed: {why}", file=sys.stderr, flush=True)  # noqa: T201 - its log

    def give_up(name: str, why: str) -> None:
        note_end(name, why)
        # Between a death and the new start there is nothing to stop: ask until it stays down.
        until(lambda: supervisor.stopped(name), seconds=30)

    listen(sys.stdin, sys.stdout, give_up, note_end, Bound(), time.monotonic)
    reap(home)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
