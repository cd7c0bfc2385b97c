"""How far a replay has come, how fast it is, and whether it is at its end."""

import time

from demo.progress import Bar
from replay.kept import Replay
from replay.prepare import done
from streamkit.broker import Admin
from streamkit.positions import Positions


class Watch:
    """Tells a bar how far a replay has come, how fast it is, and in time what is left."""

    def __init__(self, admin: Admin, replay: Replay, bar: Bar) -> None:
        self._admin = admin
        self._replay = replay
        self._bar = bar
        self._begun: tuple[float, int] | None = None
        plan = replay.plan
        # A transform makes its state from the beginning of the topic; a sink begins at the start.
        begins = plan.starts if replay.target.kind == "lake" else dict.fromkeys(plan.ends, 0)
        self._begins = {tp: begins.get(tp, 0) for tp in plan.ends}
        self._total = sum(plan.ends[tp] - self._begins[tp] for tp in plan.ends)

    def __call__(self) -> None:
        """Look, and tell the bar."""
        if self._replay.target.kind == "window":
            return  # Flink says nothing on the way
        at = self._positions()
        came = sum(max(0, at.get(tp, 0) - begin) for tp, begin in self._begins.items())
        if not came:
            self._bar(0.0, "starting")
            return
        now = time.monotonic()
        if self._begun is None:
            self._begun = (now, came)
        seconds, since = now - self._begun[0], came - self._begun[1]
        rate = f", {since / seconds:,.0f}/s" if seconds > 1 else ""
        self._bar(min(1.0, came / max(self._total, 1)), f"{came:,} of {self._total:,} records{rate}")

    def reached(self) -> bool:
        """Tell whether the replay stands at its ends."""
        at = self._positions()
        return all(at.get(tp, 0) >= end for tp, end in self._replay.plan.ends.items())

    def _positions(self) -> Positions:
        return done(self._replay.target, self._replay.namespace, sorted(self._begins), self._admin)
