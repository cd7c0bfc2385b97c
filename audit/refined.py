"""Records of a refined topic as the columns that windows read of them."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from audit.content import Writers
from audit.offsets import Ints
from flink_jobs.windows.bind import BoundWindow
from services.lake_sink.decode import Writer
from services.lake_sink.rows import by_prefix, schema_ids
from streamkit.headers import is_heartbeat
from streamkit.records import Record
from streamkit.serde import PREFIX_BYTES


class Columns(NamedTuple):
    """Some records: where each stands, when it came to Kafka, and the fields that windows read."""

    partitions: Ints
    offsets: Ints
    kafka_ms: Ints
    heartbeats: npt.NDArray[np.bool_]
    values: Mapping[str, pa.Array]


class Refined:
    """Hands the records of one topic on as columns; one that cannot be decoded is left out.

    A window's job would stand still at that one; the topic is written by transforms alone.
    """

    def __init__(
        self, writers: Writers, windows: Sequence[BoundWindow], take: Callable[[Columns], None]
    ) -> None:
        """Take the schemas, the windows over the topic, and whom to hand columns to."""
        self._writers = writers
        self._take = take
        self._defaults: dict[str, Any] = {
            field["name"]: field.get("default")
            for window in windows
            for field in json.loads(window.reader_schema)["fields"]
        }

    def __call__(self, records: Sequence[Record]) -> None:
        """Take records; blocks while the registry is asked for a schema."""
        for columns in self._columns(records):
            self._take(columns)

    def _columns(self, records: Sequence[Record]) -> Iterator[Columns]:
        groups: defaultdict[bytes, list[Record]] = defaultdict(list)
        for record in records:
            if record.value is not None:
                groups[record.value[:PREFIX_BYTES]].append(record)
        for some in groups.values():
            writer = next((self._writers(each) for each in schema_ids(by_prefix(some[:1]))), None)
            if isinstance(writer, Writer):
                yield self._decoded(some, writer)

    def _decoded(self, records: Sequence[Record], writer: Writer) -> Columns:
        target = pa.schema([(c.name, c.type) for c in writer.columns if c.name in self._defaults])
        payloads = [record.value[PREFIX_BYTES:] for record in records if record.value is not None]
        decoded = writer.decode(payloads, target)
        rows = np.delete(np.arange(len(records)), list(decoded.errors))
        table = decoded.table.combine_chunks().take(rows)
        values = {name: table.column(name).combine_chunks() for name in table.column_names}
        for name in self._defaults.keys() - values.keys():
            values[name] = pa.array([self._defaults[name]] * len(rows))
        return Columns(
            np.array([record.partition for record in records], np.int64)[rows],
            np.array([record.offset for record in records], np.int64)[rows],
            np.array([record.timestamp_ms for record in records], np.int64)[rows],
            np.array([is_heartbeat(record.headers) for record in records], np.bool_)[rows],
            values,
        )
