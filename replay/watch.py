"""How far a replay has come, how fast it is, how long it still takes, and whether it is at its end."""

import time
from dataclasses import dataclass

from demo.progress import Bar
from replay.kept import Replay
from replay.prepare import done
from streamkit.broker import Admin
from streamkit.positions import Positions

_MINUTE_S, _HOUR_S = 60, 3600


@dataclass(frozen=True, slots=True)
class Pace:
    """How many of a replay's records are done, and how many of them in a second, when that is known."""

    came: int
    total: int
    rate: float | None = None

    @property
    def share(self) -> float:
        """The part that is done, 0 to 1."""
        return min(1.0, self.came / max(self.total, 1))

    @property
    def left_s(self) -> float | None:
        """Seconds until the end at this rate; None when nobody knows."""
        return max(0, self.total - self.came) / self.rate if self.rate else None

    def __str__(self) -> str:
        text = f"{self.came:,} of {self.total:,} records"
        if self.rate is None:
            return text
        left = "" if self.left_s is None else f", {duration(self.left_s)} left"
        return f"{text}, {self.rate:,.0f}/s{left}"


def rated(before: Pace, now: Pace, seconds: float) -> Pace:
    """Return the later of two looks with the rate between them; they lie `seconds` apart."""
    return Pace(now.came, now.total, (now.came - before.came) / seconds)


class Progress:
    """Asks for a replay's own positions; each call blocks on Kafka."""

    def __init__(self, admin: Admin, replay: Replay) -> None:
        self._admin = admin
        self._replay = replay
        plan = replay.plan
        # A transform makes its state from the beginning of the topic; a sink begins at the start.
        begins = plan.starts if replay.target.kind == "lake" else dict.fromkeys(plan.ends, 0)
        self._begins = {tp: begins.get(tp, 0) for tp in plan.ends}
        self._total = sum(plan.ends[tp] - self._begins[tp] for tp in plan.ends)

    def __call__(self) -> Pace | None:
        """Return what is done by now; None of a window, because Flink says nothing on the way."""
        if self._replay.target.kind == "window":
            return None
        at = self._positions()
        return Pace(sum(max(0, at.get(tp, 0) - begin) for tp, begin in self._begins.items()), self._total)

    def reached(self) -> bool:
        """Tell whether the replay stands at its ends."""
        at = self._positions()
        return all(at.get(tp, 0) >= end for tp, end in self._replay.plan.ends.items())

    def _positions(self) -> Positions:
        return done(self._replay.target, self._replay.namespace, sorted(self._begins), self._admin)


class Watch:
    """Tells a bar how far a replay has come, how fast it is, and in time what is left."""

    def __init__(self, admin: Admin, replay: Replay, bar: Bar) -> None:
        self._progress = Progress(admin, replay)
        self._bar = bar
        self._begun: tuple[float, Pace] | None = None
        self.reached = self._progress.reached

    def __call__(self) -> None:
        """Look, and tell the bar."""
        pace = self._progress()
        if pace is None:
            return
        if not pace.came:
            self._bar(0.0, "starting")
            return
        now = time.monotonic()
        if self._begun is None:
            self._begun = (now, pace)
        began, first = self._begun
        if now - began > 1:
            pace = rated(first, pace, now - began)
        self._bar(pace.share, str(pace))


def duration(seconds: float) -> str:
    """Return a duration in words: 40 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
