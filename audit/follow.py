"""An audit that goes on: round after round, each over what the log has got since the last one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO

from audit.effects import Effects
from audit.ledger import whole_lines
from audit.metrics import AuditMetrics
from audit.part import EmptyPartError, Part
from audit.plan import Plan
from audit.run import Audit
from audit.stores import Difference, Holding, Place
from audit.windows import STORE, Windows
from streamkit.clock import Clock
from streamkit.errors import RetryableError
from streamkit.positions import Positions

WINDOW_PATIENCE_S = 300.0
"""How long a window's rows may take after it is closed: a checkpoint, and a restart of its job."""


@dataclass(slots=True)
class Round:
    """What one round came to; what a store has not caught up with is not in it, but in a later one."""

    differences: list[Difference] = field(default_factory=list)
    effects: list[Effects] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    lag_s: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether everything that was compared agrees."""
        return all(each.agrees for each in self.differences) and all(each.agrees for each in self.effects)

    def lines(self) -> Iterator[str]:
        """Yield what differs, for people."""
        for found in self.differences:
            if not found.agrees:
                yield (
                    f"{found.topic}: {found.store} against {found.source}: lost {found.lost:,}, doubled "
                    f"{found.doubled:,}, unexpected {found.unexpected:,}, differing {found.differing:,}"
                )
                yield from (f"  {example}" for example in found.examples)
        for effects in self.effects:
            if not effects.agrees:
                yield (
                    f"{effects.raw} -> {effects.effect}: {effects.lost:,} events without an effect, "
                    f"{effects.doubled:,} doubled effects"
                )
                yield from (f"  {example}" for example in effects.examples)


class Follow:
    """Audits part after part. `round` blocks; what it remembers between rounds is small."""

    def __init__(
        self,
        make: Callable[[], Audit],
        plan: Plan,
        begin: Part,
        windows: Windows | None,
        ledger: IO[bytes] | None,
        clock: Clock,
    ) -> None:
        """Take what makes the audit of a round, what to compare, where to begin, and the senders' ledger."""
        self._make = make
        self._plan = plan
        self._begin = begin
        self._windows = windows
        self._ledger = ledger
        self._clock = clock
        self._positions = Positions()
        self._seen: dict[Place, Holding] = {}
        self._waiting: dict[str, float] = {}
        self._compared_at = clock.monotonic()

    def round(self) -> Round:
        """Compare what is new.

        Raises:
            StopError: a topic was deleted and made again.
        """
        begun = self._clock.monotonic()
        audit = self._make()
        lines = whole_lines(self._ledger) if self._ledger is not None else None
        part = Part(after=self._positions) if self._positions else self._begin
        try:
            report = audit.run(self._plan, lines, part, self._seen)
        except RetryableError as error:
            return self._ended(Round(behind=[str(error)]))
        except EmptyPartError:  # nothing is there yet of what was asked for
            self._compared_at = begun
            return self._ended(Round())
        positions = self._positions.merge(audit.reached())
        unsettled = self._settle(audit)
        found = Round(behind=list(report.behind))
        for each in report.differences:
            complete = each.topic not in unsettled if each.store == STORE else audit.caught_up
            if complete or each.source == "acknowledged":
                found.differences.append(each)
        if audit.caught_up:
            found.effects += report.effects
            self._positions, self._compared_at = positions, begun
        self._seen = audit.seen()
        return self._ended(found)

    def _settle(self, audit: Audit) -> set[str]:
        """Settle the windows that are complete; return those whose rows are still waited for."""
        unsettled: set[str] = set()
        now = self._clock.monotonic()
        for topic, waiting in audit.windows.items():
            since = self._waiting.setdefault(topic, now) if waiting.pending else now
            if waiting.pending and now - since < WINDOW_PATIENCE_S:
                unsettled |= waiting.names
                continue
            self._waiting.pop(topic, None)
            if self._windows is not None:
                self._windows.settle(topic)
        return unsettled

    def _ended(self, found: Round) -> Round:
        found.lag_s = self._clock.monotonic() - self._compared_at
        count(found)
        return found


class Told:
    """Remembers what rounds came to, and gives the lines that are new: nothing while all agrees."""

    def __init__(self) -> None:
        self._rounds = self._differing = 0
        self._behind: list[str] = []
        self._lag_s = 0.0

    def lines(self, found: Round) -> list[str]:
        """Return what to say of a round."""
        self._rounds += 1
        self._lag_s = max(self._lag_s, found.lag_s)
        said = []
        if not found.agrees:
            self._differing += 1
            said += ["DIFFERS", *found.lines()]
        if bool(found.behind) != bool(self._behind):
            said += [f"Behind: {text}" for text in found.behind] or ["All stores have caught up."]
        self._behind = found.behind
        return said

    def differing(self) -> str | None:
        """Return a sentence when any round has found a difference."""
        return (
            f"{self._differing:,} of {self._rounds:,} rounds found a difference" if self._differing else None
        )

    def summary(self) -> str:
        """Return all rounds in a sentence."""
        verdict = self.differing() or f"All stores agreed in {self._rounds:,} rounds"
        return f"{verdict}; the longest lag was {self._lag_s:.0f} s."


def count(found: Round) -> None:
    """Add a round to the metrics."""
    for each in found.differences:
        labels = {"topic": each.topic, "store": each.store}
        AuditMetrics.audited_records.inc(each.expected, **labels)
        AuditMetrics.lost_records.inc(each.lost, **labels)
        AuditMetrics.doubled_records.inc(each.doubled, **labels)
        AuditMetrics.unexpected_records.inc(each.unexpected, **labels)
        AuditMetrics.differing_records.inc(each.differing, **labels)
    for effects in found.effects:
        labels = {"topic": effects.raw, "store": effects.effect}
        AuditMetrics.lost_records.inc(effects.lost, **labels)
        AuditMetrics.doubled_records.inc(effects.doubled, **labels)
        AuditMetrics.repeated_records.inc(effects.repeats, topic=effects.raw)
    AuditMetrics.behind_count.set(len(found.behind))
    AuditMetrics.lag_seconds.set(found.lag_s)
    AuditMetrics.rounds_total.inc()
