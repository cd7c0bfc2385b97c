"""Pure: how many records each group should account for, against how many it does."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

_FIRST = 5

Group = tuple[int, int]
"""The hash of a key and the start of its window in ms; or, of one record, its partition and offset."""


@dataclass(slots=True)
class Tally:
    """What one comparison came to, in records; one that belongs to several windows counts in each."""

    expected: int = 0
    found: int = 0
    lost: int = 0
    doubled: int = 0
    unexpected: int = 0
    examples: list[str] = field(default_factory=list)

    def take(self, expected: Counter[Group], found: Counter[Group], about: Callable[[Group], str]) -> None:
        """Compare groups; `about` says in words what a group is."""
        self.expected += expected.total()
        self.found += found.total()
        for group in sorted(expected.keys() | found.keys()):
            due, there = expected[group], found[group]
            if due == there:
                continue
            what = "unexpected" if not due else "lost" if there < due else "doubled"
            setattr(self, what, getattr(self, what) + abs(there - due))
            if len(self.examples) < _FIRST:
                self.examples.append(f"{what} {abs(there - due):,} of {due:,} in {about(group)}")
