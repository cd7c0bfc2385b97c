"""Pure: the rows of the bank's tables that the load's events refer to; each version says which it is."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.load import CUSTOMERS, TERMINALS

Row = Mapping[str, Any]
EPOCH_TO_2030_DAYS = 21_915
_CATEGORIES = ("books", "fuel", "grocery", "travel")


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its key, the prefix of its keys' values and how many there are."""

    name: str
    key: str
    prefix: str
    rows: int

    @property
    def topic(self) -> str:
        """Where its changes are."""
        return f"cdc.bank.{self.name}"

    def key_of(self, number: int) -> str:
        """The key of a row, as the load's events name it."""
        return f"{self.prefix}{number:06}"


TABLES = (
    Table("customers", "customer_id", "c", CUSTOMERS),
    Table("cards", "card_id", "k", CUSTOMERS),
    Table("terminals", "terminal_id", "t", TERMINALS),
)


def row(table: Table, number: int, version: int) -> dict[str, Any]:
    """A version of a row, as its change topic has it; two versions differ in each column that can."""
    if table.name == "customers":
        rest: dict[str, Any] = {
            "segment": f"s{version}",
            "home_x": version / 2,
            "home_y": -version / 4,
            "credit_limit_minor": 10_000_000 + version,
        }
    elif table.name == "cards":
        rest = {
            "customer_id": f"c{number:06}",
            "status": f"v{version}",
            "expires_on": EPOCH_TO_2030_DAYS + version % 1000,
        }
    else:
        rest = {
            "merchant_name": f"m{number}.{version}",
            "category": _CATEGORIES[(number + version) % len(_CATEGORIES)],
            "country": "FR" if version % 2 else "DE",
            "x": version / 8,
            "y": float(number),
        }
    return {table.key: table.key_of(number), **rest}


@dataclass(frozen=True, slots=True)
class Write:
    """A change to make: a row to put there, or to take away when `row` is None."""

    table: Table
    key: str
    row: Row | None


@dataclass(frozen=True, slots=True)
class Transaction:
    """Changes that belong together; `kept` is false where they are to be rolled back."""

    writes: tuple[Write, ...]
    kept: bool = True


def first_rows() -> Iterator[Write]:
    """Yield what every row is at first."""
    for table in TABLES:
        for number in range(table.rows):
            yield Write(table, table.key_of(number), row(table, number, 0))


def transactions(rng: random.Random, first_version: int) -> Iterator[Transaction]:
    """Yield transactions without end; each write has a version of its own, from the first on."""
    version = first_version
    while True:
        count = 3 if rng.random() < 0.15 else 1
        writes = []
        for _ in range(count):
            table = rng.choice(TABLES)
            number = rng.randrange(table.rows)
            gone = rng.random() < 0.1
            writes.append(Write(table, table.key_of(number), None if gone else row(table, number, version)))
            version += 1
        yield Transaction(tuple(writes), kept=rng.random() >= 0.05)
