"""Writes to the bank's tables while faults happen, and says what PostgreSQL has committed.

A trigger notes every change in a table of its own, in the change's own transaction: so what is committed is
known whatever became of an answer. Debezium is not told of that table.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from local.postgres import connect
from local.stack import Stack
from tests.faults.changes import Change
from tests.faults.dimensions import TABLES, Transaction, Write, first_rows, transactions
from tests.faults.errors import StageError

EVERY_S = 0.05
_AGAIN_AFTER_S = 0.2
_ENDS_WITHIN_S = 180.0
_EPOCH = date(1970, 1, 1)

_NOTES = """\
CREATE SCHEMA IF NOT EXISTS faults;
CREATE TABLE IF NOT EXISTS faults.changes (
    place bigserial PRIMARY KEY, name text NOT NULL, op text NOT NULL, before jsonb, after jsonb
);
CREATE OR REPLACE FUNCTION faults.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO faults.changes (name, op, before, after)
    VALUES (TG_TABLE_NAME, CASE TG_OP WHEN 'INSERT' THEN 'c' WHEN 'UPDATE' THEN 'u' ELSE 'd' END,
            CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
            CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
    RETURN NULL;
END $$;
"""
_NOTED = sql.SQL(
    "CREATE OR REPLACE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON bank.{table}"
    " FOR EACH ROW EXECUTE FUNCTION faults.note()"
)
_PUT = sql.SQL(
    "INSERT INTO bank.{table} ({columns}) VALUES ({marks}) ON CONFLICT ({key}) DO UPDATE SET {renewed}"
)
_TAKE_AWAY = sql.SQL("DELETE FROM bank.{table} WHERE {key} = %s")
_HELD = sql.SQL("SELECT to_jsonb(t) FROM bank.{table} t")


class Bank:
    """A writer of its own thread; `start` and `stop` as often as there are schedules."""

    def __init__(self, stack: Stack) -> None:
        """Take a stack whose PostgreSQL serves; blocks until every row is there."""
        self._stack = stack
        self._transactions = transactions(random.Random(1), first_version=1)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        with connect(stack) as bank:
            bank.execute(_NOTES)
            for table in TABLES:
                bank.execute(_NOTED.format(table=sql.Identifier(table.name)))
        with connect(stack) as bank:
            for write in first_rows():
                _write(bank, write)

    def start(self) -> None:
        """Let changes flow."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._flow, name="bank", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End them; returns when none is under way. StageError when PostgreSQL does not come back for it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_ENDS_WITHIN_S)
            if self._thread.is_alive():
                raise StageError("a change of the bank's tables has no answer")
            self._thread = None

    def close(self) -> None:
        """Begin no further change; what is under way ends with PostgreSQL."""
        self._stopping.set()

    def changes(self) -> list[Change]:
        """Return every change that was committed, in the order of each row. Raises psycopg.Error."""
        with connect(self._stack) as bank:
            rows: list[Any] = bank.execute(
                "SELECT name, op, before, after FROM faults.changes ORDER BY place"
            ).fetchall()
        return [
            Change(name, op, before and _as_sent(before), after and _as_sent(after))
            for name, op, before, after in rows
        ]

    def committed(self) -> int:
        """Return how many changes were committed. Raises psycopg.Error."""
        with connect(self._stack) as bank:
            row: Any = bank.execute("SELECT count(*) FROM faults.changes").fetchone()
        return int(row[0])

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield table and row of all that the tables hold now. Raises psycopg.Error."""
        with connect(self._stack) as bank:
            for table in TABLES:
                held: list[Any] = bank.execute(_HELD.format(table=sql.Identifier(table.name))).fetchall()
                for (row,) in held:
                    yield table.name, _as_sent(row)

    def _flow(self) -> None:
        while not self._stopping.is_set():
            # Whatever was under way when PostgreSQL went is committed or not: the notes tell.
            with suppress(psycopg.Error), connect(self._stack) as bank:
                bank.autocommit = True
                while not self._stopping.wait(EVERY_S):
                    _perform(bank, next(self._transactions))
            self._stopping.wait(_AGAIN_AFTER_S)


def _perform(bank: "psycopg.Connection[Any]", transaction: Transaction) -> None:
    with bank.transaction():
        for write in transaction.writes:
            _write(bank, write)
        if not transaction.kept:
            raise psycopg.Rollback


def _write(bank: "psycopg.Connection[Any]", write: Write) -> None:
    table, key = sql.Identifier(write.table.name), sql.Identifier(write.table.key)
    if write.row is None:
        bank.execute(_TAKE_AWAY.format(table=table, key=key), (write.key,))
        return
    values = {**write.row}
    if "expires_on" in values:
        values["expires_on"] = date.fromordinal(_EPOCH.toordinal() + values["expires_on"])
    names = [sql.Identifier(name) for name in values]
    renewed = [sql.SQL("{name} = excluded.{name}").format(name=name) for name in names if name != key]
    comma = sql.SQL(", ")
    statement = _PUT.format(
        table=table,
        key=key,
        columns=comma.join(names),
        marks=comma.join([sql.Placeholder()] * len(names)),
        renewed=comma.join(renewed),
    )
    bank.execute(statement, tuple(values.values()))


def _as_sent(row: dict[str, Any]) -> dict[str, Any]:
    """A row as its change topic has it: a date is days since 1970."""
    if row.get("expires_on") is None:
        return row
    return {**row, "expires_on": (date.fromisoformat(row["expires_on"]) - _EPOCH).days}
