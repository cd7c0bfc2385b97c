"""Pure: whether the change topics hold each change of the bank's tables once, in the order of its row."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tests.faults.dimensions import TABLES
from tests.faults.judge import Found

Row = Mapping[str, Any]
_KEYS = {table.name: table.key for table in TABLES}
_SNAPSHOT, _CREATE = "r", "c"


class Change(NamedTuple):
    """A change of a row: `op` is Debezium's, a row is None where there was or is none."""

    table: str
    op: str
    before: Row | None
    after: Row | None

    @property
    def place(self) -> tuple[str, str]:
        """Table and key of its row."""
        image = self.after if self.after is not None else self.before
        return self.table, str((image or {})[_KEYS[self.table]])


def compare(committed: Iterable[Change], sent: Iterable[Change], found: Found) -> None:
    """Add what the topics lack, have twice, or have in another order than the row's.

    What the connector's first look at a table brought counts as the row's creation.
    """
    wanted, there = _by_row(committed), _by_row(sent)
    for place in wanted.keys() | there.keys():
        expected, seen = wanted[place], there[place]
        if expected == seen:
            continue
        lost, doubled = _without(expected, seen), _without(seen, expected)
        found.lost += len(lost)
        found.doubled += len(doubled)
        found.reordered += not (lost or doubled)
        for what, changes in (("lost", lost), ("doubled", doubled), ("reordered", [] if lost else seen[:1])):
            if changes:
                found.note(f"{what} change of {'/'.join(place)}: {changes[0]}")


def left(sent: Iterable[Change]) -> dict[tuple[str, str], Row]:
    """Return the rows that remain when every change is applied."""
    rows: dict[tuple[str, str], Row] = {}
    for change in sent:
        if change.after is None:
            rows.pop(change.place, None)
        else:
            rows[change.place] = change.after
    return rows


def compare_rows(held: Iterable[tuple[str, Row]], sent: Iterable[Change], found: Found) -> None:
    """Add the rows of the database that are not what the topics lead to, and those it does not have."""
    there = {Change(table, "", None, row).place: row for table, row in held}
    remain = left(sent)
    for place in sorted(there.keys() | remain.keys()):
        if there.get(place) != remain.get(place):
            found.wrong_state += 1
            found.note(f"wrong row {'/'.join(place)}: {remain.get(place)}, in the bank {there.get(place)}")


def _by_row(changes: Iterable[Change]) -> defaultdict[tuple[str, str], list[Change]]:
    rows: defaultdict[tuple[str, str], list[Change]] = defaultdict(list)
    for change in changes:
        op = _CREATE if change.op == _SNAPSHOT else change.op
        rows[change.place].append(change._replace(op=op))
    return rows


def _without(some: list[Change], others: list[Change]) -> list[Change]:
    """Return `some` without `others`, each taken away once."""
    left_over = list(others)
    found = []
    for change in some:
        if change in left_over:
            left_over.remove(change)
        else:
            found.append(change)
    return found
