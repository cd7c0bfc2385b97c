"""Bronze as the past of topics: its rows as records again, in the order in which they were in Kafka."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.conversions import from_bytes
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation
from pyiceberg.types import PrimitiveType

from services.lake_sink.catalog import AWAY, open_catalog
from services.lake_sink.errors import LakeAwayError
from services.lake_sink.lines import MAIN
from services.lake_sink.provenance import INGEST_TIME
from services.lake_sink.records import RowEncoder, records_of
from services.lake_sink.summary import SWITCHED, head_of
from services.lake_sink.tables import Tables
from streamkit.broker import Admin
from streamkit.errors import StopError
from streamkit.records import Record, TopicPartition
from streamkit.replay.past import PastBroker
from streamkit.serde import SchemaSource
from streamkit.topics_apply import Platform

if TYPE_CHECKING:
    from services.lake_sink.config import LakeSettings

_BRONZE, _SINK = "bronze", "lake_sink"  # live's, whatever the namespace that a replay writes to
_PLACE = ("_topic_id", "_partition", "_offset")
_ROWS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class _File:
    """A data file and the commit that added it; commits are numbered in their order."""

    commit: int
    path: str


@dataclass(frozen=True, slots=True)
class _Span:
    """Which records of a table are wanted."""

    topic_id: str
    partition: int
    start: int
    end: int


class BronzePast:
    """The records of bronze tables; see streamkit.replay.past.Past.

    Why nothing is missing: lake_sink begins every partition at offset 0, a position that Kafka has lost stops
    it, and each commit asserts that the table stands where its rows begin. So the table's positions say that
    all before them was read. Behind them, up to the group's offset, it has found no record, only transaction
    markers: these alone are not worth a commit. Somebody else's deletions would show as snapshots that are no
    appends.
    """

    def __init__(self, tables: Callable[[], Tables], schemas: SchemaSource, admin: Admin) -> None:
        """Take what opens the live bronze tables, when they are first needed, the registry, and Kafka."""
        self._open = tables
        self._opened: Tables | None = None
        self._schemas = schemas
        self._admin = admin
        self._encoders: dict[int, RowEncoder] = {}

    def reaches(self, topic: str, topic_id: str) -> Mapping[int, int]:
        """See streamkit.replay.past.Past."""
        table = self._table(topic)
        if table is None or not _only_appended(table):
            return {}
        positions = head_of(table.metadata).positions
        if positions.topic_ids.get(topic) != topic_id:
            return {}
        mine = positions.only([tp for tp in positions if tp.topic == topic])
        if _switched(table):  # the group may stand where main stood before
            return {tp.partition: offset for tp, offset in mine.items()}
        passed = self._admin.group_offsets(_SINK, sorted(mine))
        return {tp.partition: max(offset, passed.get(tp, 0)) for tp, offset in mine.items()}

    def read(self, tp: TopicPartition, topic_id: str, start: int, end: int) -> Iterator[list[Record]]:
        """See streamkit.replay.past.Past; holds the rows of one commit at most."""
        table = self._table(tp.topic)
        span, last = _Span(topic_id, tp.partition, start, end), start - 1
        try:
            for rows in _rows(table, span) if table is not None else ():
                records = records_of(rows, self._encoder)
                for record in records:
                    if record.offset <= last:
                        raise StopError(
                            "the rows of bronze do not lie in the order of their commits",
                            topic=tp.topic,
                            partition=tp.partition,
                            offset=record.offset,
                            hint="Another program rewrote the table's files; replay what Kafka still has",
                        )
                    last = record.offset
                yield records
        except AWAY as error:
            raise LakeAwayError(f"the lake does not answer: {error}", topic=tp.topic) from error

    def first_since(self, tp: TopicPartition, topic_id: str, time_ms: int, end: int) -> int | None:
        """See streamkit.replay.past.Past; reads four columns of the table."""
        table = self._table(tp.topic)
        span, first = _Span(topic_id, tp.partition, 0, end), None
        try:
            for rows in _narrow(table, span) if table is not None else ():
                for part in _wanted(rows.filter(_since(rows, time_ms)), span):
                    least = pc.min(part.column("_offset")).as_py()
                    first = least if first is None else min(first, least)
        except AWAY as error:
            raise LakeAwayError(f"the lake does not answer: {error}", topic=tp.topic) from error
        return first

    def _table(self, topic: str) -> Table | None:
        if self._opened is None:
            self._opened = self._open()
        return self._opened.find(topic)

    def _encoder(self, schema_id: int) -> RowEncoder:
        if schema_id not in self._encoders:
            self._encoders[schema_id] = RowEncoder(schema_id, self._schemas.schema(schema_id))
        return self._encoders[schema_id]


def past_of(lake: "LakeSettings", schemas: SchemaSource, admin: Admin) -> BronzePast:
    """Return the past that live's lake holds; the lake is asked when something of it is needed."""
    return BronzePast(lambda: Tables(open_catalog(lake), _BRONZE), schemas, admin)


def with_past(platform: Platform, lake: "LakeSettings | None") -> Platform:
    """Return the clients with topics that begin where bronze does; as they are without a lake."""
    if lake is None:
        return platform
    broker = PastBroker(platform.broker, past_of(lake, platform.registry, platform.admin))
    return Platform(broker, broker.admin(), platform.registry, platform.clock)


def _only_appended(table: Table) -> bool:
    return all(
        snapshot.summary is not None and snapshot.summary.operation == Operation.APPEND
        for snapshot in table.metadata.snapshots
    )


def _switched(table: Table) -> bool:
    """Tell whether nobody has committed to main since a replay was promoted or rolled back."""
    head = table.metadata.snapshot_by_name(MAIN)
    return head is not None and head.summary is not None and SWITCHED in head.summary.additional_properties


def _rows(table: Table, span: _Span) -> Iterator[pa.Table]:
    """Yield a partition's rows commit by commit: the offsets of one lie all before those of the next."""
    for _, group in groupby(_files(table, span), key=lambda file: file.commit):
        files = list(group)
        if len(files) == 1:
            for batch in _parquet(table.io, files[0]).iter_batches(_ROWS_AT_ONCE):
                yield from _wanted(pa.Table.from_batches([batch]), span)
            continue
        # A commit that spans several ingest days has a file for each; times need not rise with offsets.
        parts = [part for file in files for part in _wanted(_parquet(table.io, file).read(), span)]
        if parts:
            rows = pa.concat_tables(parts).sort_by("_offset")
            for start in range(0, rows.num_rows, _ROWS_AT_ONCE):
                yield rows.slice(start, _ROWS_AT_ONCE)


def _wanted(rows: pa.Table, span: _Span) -> Iterator[pa.Table]:
    offsets = rows.column("_offset")
    chosen = pc.and_(pc.greater_equal(offsets, span.start), pc.less(offsets, span.end))
    chosen = pc.and_(chosen, pc.equal(rows.column("_partition"), span.partition))
    chosen = pc.and_(chosen, pc.equal(rows.column("_topic_id"), span.topic_id))
    found = rows.filter(chosen)
    if found.num_rows:
        yield found


def _narrow(table: Table, span: _Span) -> Iterator[pa.Table]:
    for file in _files(table, span):
        yield _parquet(table.io, file).read([*_PLACE, INGEST_TIME])


def _since(rows: pa.Table, time_ms: int) -> pa.ChunkedArray:
    return pc.greater_equal(rows.column(INGEST_TIME).cast(pa.int64()), time_ms * 1000)


def _files(table: Table, span: _Span) -> list[_File]:
    """Return the files that may hold wanted rows, in the order of their commits."""
    snapshot = table.current_snapshot()
    if snapshot is None:
        return []
    found = [
        _File(entry.sequence_number or 0, entry.data_file.file_path)
        for manifest in snapshot.manifests(table.io)
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
        if _may_hold(table, entry.data_file, "_offset", span.start, span.end - 1)
        and _may_hold(table, entry.data_file, "_partition", span.partition, span.partition)
    ]
    return sorted(found, key=lambda file: (file.commit, file.path))


def _may_hold(table: Table, file: DataFile, column: str, least: int, most: int) -> bool:
    field = table.schema().find_field(column)
    lower = (file.lower_bounds or {}).get(field.field_id)
    upper = (file.upper_bounds or {}).get(field.field_id)
    if lower is None or upper is None or not isinstance(field.field_type, PrimitiveType):
        return True
    lowest, highest = (int(from_bytes(field.field_type, bound)) for bound in (lower, upper))
    return lowest <= most and highest >= least


def _parquet(io: FileIO, file: _File) -> pq.ParquetFile:
    with io.new_input(file.path).open() as stream:
        return pq.ParquetFile(pa.BufferReader(stream.read()))
