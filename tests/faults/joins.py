"""Pure: whether each enriched transaction was joined with the rows that the log says."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.faults.changes import Change
from tests.faults.judge import Found, Seen

# Field of the enriched transaction -> table and the field that names the row.
_FIELDS = {
    "customer": ("customers", "customer_id"),
    "card": ("cards", "card_id"),
    "terminal": ("terminals", "terminal_id"),
}


class _Known(NamedTuple):
    """What a change left behind: a deleted row keeps its last contents."""

    offset: int
    row: Mapping[str, Any]
    status: str


class Joins:
    """Gathers the changes of rows and looks them up as of the positions that an output names."""

    def __init__(self) -> None:
        self._rows: defaultdict[tuple[str, str], list[_Known]] = defaultdict(list)

    def change(self, offset: int, change: Change) -> None:
        """Take the next change of a table's topic."""
        row, status = (change.after, "MATCHED") if change.after is not None else (change.before, "STALE")
        self._rows[change.place].append(_Known(offset, row or {}, status))

    def check(self, seen: Seen, found: Found) -> None:
        """Compare an enriched transaction's rows with those that were in force at its side positions."""
        value = seen.value
        entries = {entry["name"]: entry for entry in value["joins"]}
        for field, (table, key) in _FIELDS.items():
            position = value["side_positions"].get(f"cdc.bank.{table}-0", 0)
            known = self._as_of(table, value[key], position)
            expected: dict[str, Any] = {"name": table, "status": "MISSING", "offset": None}
            if known is not None:
                expected |= {"status": known.status, "offset": known.offset}
            there = value[field]
            rows_agree = (there is None) == (known is None) and all(
                known.row[name] == held for name, held in (there or {}).items() if known is not None
            )
            if entries.get(table) != expected or not rows_agree:
                found.wrong_state += 1
                found.note(
                    f"wrong join enriched/{seen.at.partition}/{seen.at.offset}: {table} as of {position} is"
                    f" {entries.get(table)} {there}, expected {expected} {known and known.row}"
                )

    def _as_of(self, table: str, key: str, position: int) -> _Known | None:
        changes = self._rows.get((table, key), [])
        place = bisect_left(changes, position, key=lambda each: each.offset)
        return changes[place - 1] if place else None
