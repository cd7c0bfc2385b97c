"""Two writers of the same ten rows a commit: lake_sink's own commit, and pyiceberg's append."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import pyarrow as pa

from benchmarks.lake.events import SCHEMA, events
from services.lake_sink.app import committer
from services.lake_sink.catalog import open_catalog
from services.lake_sink.config import LakeSettings
from services.lake_sink.decode import Writer
from services.lake_sink.destination import LakeDestination
from services.lake_sink.iceberg_types import arrow_schema
from services.lake_sink.provenance import table_schema
from services.lake_sink.rows import by_prefix, rows_of
from services.lake_sink.tables import Tables
from streamkit.avro import Schema
from streamkit.clock import SystemClock
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition
from streamkit.registry import subject_of

ROWS = 10
OURS, THEIRS = "ours", "pyiceberg"
_SCHEMA_ID = 1
_TOPIC_ID = "bench"
_MOST_COMMITS = 1_000_000


class OneSchema:
    """A registry that knows one schema."""

    def schema(self, schema_id: int) -> Schema:
        """Return the events' schema."""
        del schema_id
        return SCHEMA

    def subjects(self, schema_id: int) -> list[str]:
        """Return whose it is."""
        del schema_id
        return [subject_of(OURS), subject_of(THEIRS)]


def ours(settings: LakeSettings) -> Callable[[], float]:
    """Return a function that commits the next rows as lake_sink does, and says how long it took."""
    catalog = open_catalog(settings)
    lake = LakeDestination(
        Tables(catalog, settings.bronze),
        committer(catalog, settings, SystemClock()),
        OneSchema(),
        lambda topics: dict.fromkeys(topics, _TOPIC_ID),
        lambda: uuid.uuid4().hex,
        SystemClock(),
    )
    tp = TopicPartition(OURS, 0)
    lake.open([tp])
    batches = _batches(OURS)

    def commit() -> float:
        batch = next(batches)
        begun = time.perf_counter()
        lake.write(batch)
        lake.commit(Positions.of({tp: batch[-1].offset + 1}))
        return time.perf_counter() - begun

    return commit


def theirs(settings: LakeSettings) -> Callable[[], float]:
    """Return a function that appends the next rows with pyiceberg's `Table.append`, as it comes.

    Its table has the same columns but no partitions, for which pyiceberg needs a package more.
    """
    writer = Writer(SCHEMA)
    table = open_catalog(settings).create_table(
        (settings.bronze, THEIRS), table_schema(writer.columns), properties={"format-version": "2"}
    )
    target = arrow_schema(table.schema())
    plain = pa.schema([field.remove_metadata() for field in target])
    batches = _batches(THEIRS)

    def append() -> float:
        batch = next(batches)
        begun = time.perf_counter()
        rows = rows_of(batch, by_prefix(batch), _TOPIC_ID, lambda _: writer, target)
        table.append(rows.cast(plain))
        return time.perf_counter() - begun

    return append


def _batches(topic: str) -> Iterator[Sequence[Record]]:
    """Yield the events of `bench lake`, ROWS at a time, as records of one partition."""
    now_ms = time.time_ns() // 1_000_000
    every = enumerate(events(_MOST_COMMITS * ROWS, _SCHEMA_ID, now_ms))
    records = (Record(topic, 0, offset, now_ms, key, value) for offset, (key, value) in every)
    while batch := list(islice(records, ROWS)):
        yield batch
