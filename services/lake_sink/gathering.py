"""Rows of one table between two commits, encoded beside the reading."""

from concurrent.futures import Executor, Future

import pyarrow as pa
from pyiceberg.schema import Schema

from services.lake_sink.datafiles import EncodedFile, Encoder

ROWS_AT_ONCE = 32_000
"""Rows of a row group: so many wait as Arrow columns, several times as large as what is made of them."""


class Gathering:
    """Takes rows and compresses them piece by piece in another thread, one piece at a time.

    So at most two pieces are held as Arrow columns, whatever a commit gathers.
    """

    def __init__(self, pool: Executor) -> None:
        """Begin without rows; `pool` does the encoding."""
        self._pool = pool
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._schema: pa.Schema | None = None
        self._encoder: Encoder | None = None
        self._running: Future[None] | None = None
        self._files: list[EncodedFile] = []

    def add(self, rows: pa.Table, schema: Schema) -> None:
        """Take rows in the shape of the table's schema of this moment; may wait for an earlier piece.

        Another schema begins other files: those before it lack its columns, which a reader sees as null.
        """
        if self._schema is None or not self._schema.equals(rows.schema, check_metadata=True):
            self._end_files()
            self._schema, self._encoder = rows.schema, Encoder(schema)
        self._waiting.append(rows)
        self._waiting_rows += rows.num_rows
        if self._waiting_rows >= ROWS_AT_ONCE:
            self._encode()

    def finish(self) -> list[EncodedFile]:
        """Return the files of all rows taken, and begin without rows; waits for the encoding."""
        self._end_files()
        files, self._files = self._files, []
        return files

    def _end_files(self) -> None:
        if self._encoder is not None:
            self._encode()
            self._wait()
            self._files += self._encoder.finish()
        self._schema = self._encoder = None

    def _encode(self) -> None:
        self._wait()
        if self._waiting and self._encoder is not None:
            self._running = self._pool.submit(self._encoder.add, pa.concat_tables(self._waiting))
        self._waiting, self._waiting_rows = [], 0

    def _wait(self) -> None:
        if self._running is not None:
            self._running.result()
            self._running = None
