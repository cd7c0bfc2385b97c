"""What became of a control: the way that must fail, and ours beside it, judged alike."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.faults.controls.judge import Tally

_HEAD = ("effects", "lost", "doubled", "wrong places")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One control.

    Attributes:
        control: its name.
        befell: what was done to both, as it took place.
        theirs, ours: what came out of either way.
        must_fail: whether the known way is known to fail each time; else what it came to is only told.
    """

    control: str
    befell: str
    theirs: Tally
    ours: Tally
    must_fail: bool = True

    @property
    def seen(self) -> bool:
        """Whether the harness is shown to see: the known way failed if it must, ours did not, in one run."""
        return self.theirs.of > 0 and self.ours.exact and not (self.must_fail and self.theirs.exact)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "befell": self.befell,
            "theirs": self.theirs.to_json(),
            "ours": self.ours.to_json(),
            "seen": self.seen,
        }


def table(outcomes: Iterable[Outcome]) -> str:
    """Return outcomes as lines for a person: of each what was done, and the figures of both ways."""
    lines = [_line("", *_HEAD)]
    for each in outcomes:
        verdict = _verdict(each)
        lines.append(f"{each.control}: {verdict} ({each.befell})")
        lines += [_line("  the known way", *_figures(each.theirs)), _line("  ours", *_figures(each.ours))]
    return "".join(f"{line}\n" for line in lines)


def _verdict(outcome: Outcome) -> str:
    if outcome.must_fail:
        return "seen to fail" if outcome.seen else "NOT SEEN to fail"
    return "seen" if outcome.seen else "NOT SEEN: ours is not exact"


def _figures(tally: Tally) -> tuple[str, ...]:
    wrong = f"{tally.wrong:,} of {tally.wrong_of:,}" if tally.wrong_of else "-"
    return (f"{tally.of:,}", f"{tally.lost:,}", f"{tally.doubled:,}", wrong)


def _line(way: str, *cells: str) -> str:
    return f"{way:<16}" + "".join(f"{cell:>16}" for cell in cells)
