"""Fill the bank's PostgreSQL tables from the simulated world; local/postgres.py makes the tables."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

import psycopg
from psycopg import sql

from payments.simulator import World, cards, customers, terminals

Rows = Callable[[World], Iterator[dict[str, Any]]]

SCHEMA = "bank"
TABLES: Mapping[str, Rows] = {"customers": customers, "cards": cards, "terminals": terminals}


def fill(connection: psycopg.Connection[Any], world: World) -> dict[str, int]:
    """Copy the world's rows into the tables that are empty; returns how many rows each table now has.

    A table with rows is left as it is: people may have changed them, and CDC has told everybody. Each table
    is one transaction, so a table that was cut short is empty. Blocks; raises psycopg.Error.
    """
    counts = {}
    for table, rows in TABLES.items():
        name = sql.Identifier(SCHEMA, table)
        if not _count(connection, name):
            _copy(connection, name, rows(world))
        counts[table] = _count(connection, name)
        connection.commit()
    return counts


def _count(connection: psycopg.Connection[Any], table: sql.Identifier) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone()
    return int(row[0]) if row else 0


def _copy(connection: psycopg.Connection[Any], table: sql.Identifier, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows)
    columns = sql.SQL(", ").join(map(sql.Identifier, first))
    with connection.cursor() as cursor:
        command = sql.SQL("COPY {} ({}) FROM STDIN").format(table, columns)
        with cursor.copy(command) as copy:
            for row in chain([first], rows):
                copy.write_row(tuple(row.values()))
