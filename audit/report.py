"""Pure: what an audit found, as a table for people and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from audit.effects import Effects
from audit.stores import Difference

_HEADINGS = ("topic", "store", "against", "expected", "found", "lost", "doubled", "unexpected", "differing")


@dataclass(slots=True)
class Report:
    """Everything one audit found.

    `behind` names stores that had not caught up in time; what they lack counts as lost.
    `skipped` names what is left out of this platform, with the reason: it was not compared.
    `unanswered` names stores that should run and did not answer: whether they agree is not known.
    `windows` says which windows were compared, and which can still change.
    """

    differences: Sequence[Difference]
    effects: Sequence[Effects]
    behind: Sequence[str] = ()
    skipped: Sequence[str] = field(default_factory=list)
    unanswered: Sequence[str] = ()
    windows: Sequence[str] = ()

    @property
    def lost(self) -> int:
        """Records or effects that are missing somewhere."""
        return sum(found.lost for found in self.differences) + sum(found.lost for found in self.effects)

    @property
    def doubled(self) -> int:
        """Records or effects that are somewhere more often than once."""
        return sum(found.doubled for found in self.differences) + sum(found.doubled for found in self.effects)

    @property
    def differing(self) -> int:
        """Records of which a store says something else than Kafka."""
        return sum(found.differing for found in self.differences)

    @property
    def repeats(self) -> int:
        """Records that clients sent again; no fault."""
        return sum(found.repeats for found in self.effects)

    @property
    def agrees(self) -> bool:
        """Whether all stores that should run were compared, and agree."""
        return self._same and not self.unanswered

    @property
    def _same(self) -> bool:
        return all(found.agrees for found in self.differences) and all(found.agrees for found in self.effects)

    def to_json(self) -> dict[str, Any]:
        """Return the whole report as JSON data."""
        return {
            "agrees": self.agrees,
            "lost": self.lost,
            "doubled": self.doubled,
            "differing": self.differing,
            "repeats": self.repeats,
            "stores": [asdict(found) for found in self.differences],
            "effects": [asdict(found) for found in self.effects],
            "behind": list(self.behind),
            "skipped": list(self.skipped),
            "unanswered": list(self.unanswered),
            "windows": list(self.windows),
        }

    def lines(self) -> Iterator[str]:
        """Yield the report as lines of text."""
        yield from _table([_HEADINGS, *(_row(found) for found in self.differences)])
        yield ""
        yield from (_sentence(found) for found in self.effects)
        yield from self.windows
        yield from (f"  {example}" for found in self.differences for example in found.examples)
        yield from (f"  {example}" for found in self.effects for example in found.examples)
        yield from (f"Behind: {text}" for text in self.behind)
        yield from (f"Not compared: {text}" for text in self.skipped)
        yield from (f"No answer: {text}" for text in self.unanswered)
        differing = f"differing {self.differing:,}, " if self.differing else ""
        counts = f"lost {self.lost:,}, doubled {self.doubled:,}, {differing}repeats {self.repeats:,}"
        yield f"{self._verdict}: {counts}."

    @property
    def _verdict(self) -> str:
        if not self._same:
            return "The stores DISAGREE" + (", or are still behind" if self.behind else "")
        return "NOT ALL stores answered; the others agree" if self.unanswered else "All stores agree"


def _row(found: Difference) -> tuple[str, ...]:
    numbers = (
        *(found.expected, found.found, found.lost),
        *(found.doubled, found.unexpected, found.differing),
    )
    return (found.topic, found.store, found.source, *(f"{number:,}" for number in numbers))


def _sentence(found: Effects) -> str:
    return (
        f"{found.raw} -> {found.effect}: {found.events:,} events, {found.lost:,} without an effect, "
        f"{found.doubled:,} doubled effects, {found.refused:,} in the dead letters, {found.repeats:,} repeats"
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        texts = [text.ljust(width) for text, width in zip(row[:3], widths[:3], strict=True)]
        numbers = [text.rjust(width) for text, width in zip(row[3:], widths[3:], strict=True)]
        yield "  ".join(texts + numbers).rstrip()
