"""Pure: rows of the bank's tables as Debezium sends them, and looking them up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from services.enricher.errors import NoRowKeyError
from streamkit.records import Record
from streamkit.serde import AvroDecoder
from streamkit.side import SideInput, SideView

MATCHED, MISSING, STALE = "MATCHED", "MISSING", "STALE"

# What stands for a value that is null in the bank: the field cannot be null in payments.enriched.v1.
_NOTHING: Mapping[str, object] = {
    "segment": "",
    "home_x": 0.0,
    "home_y": 0.0,
    "credit_limit_minor": 0,
    "status": "",
    "merchant_name": "",
    "category": "",
    "country": "",
    "x": 0.0,
    "y": 0.0,
}


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its change topic, its key, and the record and columns that go into the output."""

    name: str
    topic: str
    key: str
    record: str
    columns: tuple[str, ...]


CUSTOMERS = Table(
    "customers",
    "cdc.bank.customers",
    "customer_id",
    "kapstan.payments.CustomerRow",
    ("segment", "home_x", "home_y", "credit_limit_minor"),
)
CARDS = Table("cards", "cdc.bank.cards", "card_id", "kapstan.payments.CardRow", ("status", "expires_on"))
TERMINALS = Table(
    "terminals",
    "cdc.bank.terminals",
    "terminal_id",
    "kapstan.payments.TerminalRow",
    ("merchant_name", "category", "country", "x", "y"),
)
TABLES = (CUSTOMERS, CARDS, TERMINALS)


# A row as the encoder takes it fastest: with the name of its record, so that it need not try the union's
# branches; that halves the cost of encoding.
Branch = tuple[str, Mapping[str, Any]]


class Row(NamedTuple):
    """A row as joined; a deleted one keeps its last contents, so that a decision can still be made."""

    branch: Branch
    deleted: bool


class Join(NamedTuple):
    """What a look-up found, and the entry of `joins` that says so."""

    branch: Branch | None
    entry: dict[str, Any]


def side_input(table: Table, decoder: AvroDecoder) -> SideInput:
    """The table as a side input; its rows follow the order of the topic, never Debezium's LSN."""

    def decode(record: Record) -> tuple[str, object] | None:
        if record.value is None:
            return None  # the tombstone that follows a delete
        return row_of(table, decoder.decode(record.value))

    return SideInput(table.name, table.topic, decode)


def row_of(table: Table, envelope: Mapping[str, Any]) -> tuple[str, Row]:
    """Key and row that a Debezium envelope leads to.

    Raises:
        NoRowKeyError: neither image holds the key.
    """
    after = envelope["after"]
    image = after if after is not None else envelope["before"]
    key = image.get(table.key) if image is not None else None
    if not key:
        raise NoRowKeyError(table.name, table.key)
    columns = {name: _filled(name, image[name]) for name in table.columns}
    return key, Row((table.record, columns), deleted=after is None)


def joiner(table: Table, side: SideView) -> Callable[[str], Join]:
    """Look-up in `table` as the side view stands: by key, without waiting."""
    rows = side.table(table.name)
    missing = Join(None, {"name": table.name, "status": MISSING, "offset": None})

    def join(key: str) -> Join:
        found = rows.get(key)
        if found is None:
            return missing
        row = found.value
        assert isinstance(row, Row)  # noqa: S101 - what `side_input` decodes
        status = STALE if row.deleted else MATCHED
        return Join(row.branch, {"name": table.name, "status": status, "offset": found.offset})

    return join


def _filled(column: str, value: Any) -> Any:
    return _NOTHING.get(column) if value is None else value
