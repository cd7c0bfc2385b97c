"""What lake_sink holds for one topic between two commits: its table, and rows not yet in it."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from operator import attrgetter
from typing import Protocol

from pyiceberg.table import Table

from services.lake_sink.datafiles import EncodedFile
from services.lake_sink.decision import Claim
from services.lake_sink.decode import Writer
from services.lake_sink.errors import StaleBatchError
from services.lake_sink.gathering import Gathering
from services.lake_sink.iceberg_types import arrow_schema
from services.lake_sink.metrics import LakeMetrics
from services.lake_sink.rows import by_prefix, rows_of, schema_ids
from services.lake_sink.tables import Tables
from streamkit.avro import InvalidSchemaError
from streamkit.errors import DeadLetterError
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition
from streamkit.registry import subject_of
from streamkit.serde import UNKNOWN_SCHEMA, SchemaSource

CHUNK_RECORDS = 4_000
"""Records are decoded so many at a time: as Python objects they take several times the memory of rows."""

FOREIGN_SCHEMA = "foreign_schema"
"""Why a record is kept raw whose schema is another topic's: its fields must not become columns here."""


class Schemas(SchemaSource, Protocol):
    """Where schemas come from, and whose they are; `registry.RegistryClient` in the service."""

    def subjects(self, schema_id: int) -> list[str]:
        """Return the subjects that hold a schema."""
        ...


Commit = Callable[[Table, str, Claim, Sequence[EncodedFile]], Table]

_partition_of = attrgetter("partition")


class TopicBuffer:
    """Takes records, turns them into files chunk by chunk, and hands all of them to one commit.

    Its table is given the columns that it lacks when the first record needs them.
    """

    def __init__(
        self, topic: str, topic_id: str, tables: Tables, schemas: Schemas, table: Table, encoders: Executor
    ) -> None:
        """Begin at the table as it was last read."""
        self._topic = topic
        self._topic_id = topic_id
        self._tables = tables
        self._schemas = schemas
        self._writers: dict[int, Writer | str] = {}
        self._waiting: list[Record] = []
        self._gathering = Gathering(encoders)
        self._table = table
        self._stands = tables.head(table).positions

    def stands(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Return where the table stands for these partitions; 0 where it holds nothing yet.

        The table alone says so: a group's offset may be beyond a table that was dropped.
        """
        known = {tp: self._stands.get(tp, 0) for tp in partitions}
        return Positions(known, self._stands.topic_ids or {self._topic: self._topic_id})

    def take(self, records: Sequence[Record]) -> None:
        """Take records of this topic; may block on registry and catalog."""
        self._waiting.extend(records)
        while len(self._waiting) >= CHUNK_RECORDS:
            self._decode(self._waiting[:CHUNK_RECORDS])
            del self._waiting[:CHUNK_RECORDS]

    def check(self, partitions: Iterable[TopicPartition]) -> None:
        """Raise StaleBatchError when the table does not stand where the last commit left it; blocks."""
        table = self._tables.find(self._topic)
        stands = self._tables.head(table).positions if table is not None else Positions()
        if any(stands.get(tp) != self._stands.get(tp) for tp in partitions):
            raise StaleBatchError("the table was taken back or replaced", topic=self._topic)

    def commit(self, reached: Positions, commit_id: str, commit: Commit) -> bool:
        """Commit what was taken; without a record there is nothing to commit, positions alone can wait.

        Args:
            reached: where the topic's partitions stand with all that was taken.
            commit_id: unique to this call.
            commit: `Committer.commit`.

        Returns:
            Whether there was a record.
        """
        if self._waiting:
            self._decode(self._waiting)
            self._waiting = []
        files = self._gathering.finish()
        if not files:
            return False
        claim = Claim(
            str(self._table.metadata.table_uuid),
            commit_id,
            base=self._stands.only(reached),
            reached=reached.with_ids({self._topic: self._topic_id}),
        )
        with LakeMetrics.commit_seconds.time():
            self._table = commit(self._table, self._topic, claim, files)
        self._stands = self._stands.merge(claim.reached)
        LakeMetrics.committed_records.inc(sum(file.rows for file in files), topic=self._topic)
        LakeMetrics.undecodable_records.inc(sum(file.undecodable for file in files), topic=self._topic)
        return True

    def _decode(self, records: Sequence[Record]) -> None:
        by_partition = sorted(records, key=_partition_of)
        groups = by_prefix(by_partition)
        # All writers first: each may change the table, and rows take the table's shape.
        writers = {schema_id: self._writer(schema_id) for schema_id in schema_ids(groups)}
        schema = self._table.schema()
        target = arrow_schema(schema)
        rows = rows_of(by_partition, groups, self._topic_id, writers.__getitem__, target)
        self._gathering.add(rows, schema)

    def _writer(self, schema_id: int) -> Writer | str:
        """Return the writer for a schema id, or why its records are kept as they are."""
        known = self._writers.get(schema_id)
        if known is not None:
            return known
        try:
            writer = Writer(self._schemas.schema(schema_id))
        except DeadLetterError as error:  # not remembered: the registry may learn the id
            return f"{UNKNOWN_SCHEMA}: {error.message}"
        except (InvalidSchemaError, KeyError) as error:
            return f"{UNKNOWN_SCHEMA}: the schema with id {schema_id} has no columns: {error}"
        owners = self._schemas.subjects(schema_id)
        if subject_of(self._topic) not in owners:
            return f"{FOREIGN_SCHEMA}: the schema with id {schema_id} belongs to {', '.join(owners)}"
        self._writers[schema_id] = self._fitted(writer)
        return self._writers[schema_id]

    def _fitted(self, writer: Writer) -> Writer | str:
        """Make the table fit the writer, or return why it cannot."""
        self._table, found = self._tables.evolve(self._table, writer.columns)
        if found.conflicts:
            return f"column_conflict: {'; '.join(found.conflicts)}"
        if found.needed:
            LakeMetrics.schema_changes_total.inc(topic=self._topic)
        return writer
