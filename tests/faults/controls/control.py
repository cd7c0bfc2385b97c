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
    """

    control: str
    befell: str
    theirs: Tally
    ours: Tally

    @property
    def seen(self) -> bool:
        """Whether the harness is shown to see: the known way failed, ours did not, in the same run."""
        return self.theirs.of > 0 and not self.theirs.exact and self.ours.exact

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
        verdict = "seen to fail" if each.seen else "NOT SEEN to fail"
        lines.append(f"{each.control}: {verdict} ({each.befell})")
        lines += [_line("  the known way", *_figures(each.theirs)), _line("  ours", *_figures(each.ours))]
    return "".join(f"{line}\n" for line in lines)


def _figures(tally: Tally) -> tuple[str, ...]:
    wrong = f"{tally.wrong:,} of {tally.wrong_of:,}" if tally.wrong_of else "-"
    return (f"{tally.of:,}", f"{tally.lost:,}", f"{tally.doubled:,}", wrong)


def _line(way: str, *cells: str) -> str:
    return f"{way:<16}" + "".join(f"{cell:>16}" for cell in cells)
