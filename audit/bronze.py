"""What bronze holds: the offsets in its tables, what its rows say, and how far they have come."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from audit.content import digest
from audit.digests import Digests
from audit.kafka import Scan
from audit.stores import Holdings, Offsets, Place
from replay.bronze import Spans, batches, in_pieces
from services.lake_sink.catalog import open_catalog
from services.lake_sink.config import LakeSettings
from services.lake_sink.summary import head_of
from services.lake_sink.tables import Tables
from streamkit.positions import Positions

_PLACE = ("_topic_id", "_partition", "_offset")


class Bronze:
    """Reads bronze tables. Every call blocks and raises RetryableError when the lake is away."""

    def __init__(self, settings: LakeSettings) -> None:
        self._tables = Tables(open_catalog(settings), settings.bronze)

    def stands(self, topic: str) -> Positions:
        """Return the positions that a topic's table has reached; empty when there is no table."""
        table = self._tables.find(topic)
        return head_of(table.metadata).positions if table is not None else Positions()

    def holds(self, scan: Scan, contents: Digests | None = None) -> Holdings:
        """Return the offsets in a topic's table, inside what was read of the topic.

        With `contents`, what the rows say is added to it, which takes their other columns too.
        """
        found: dict[Place, Offsets] = {}
        columns = _PLACE if contents is None else ("*",)
        for batch in self._batches(scan.topic, spans_of(scan), scan.topic_id, columns):
            _note_offsets(scan.topic, batch, found)
            if contents is not None:
                digest(scan.topic, scan.topic_id, batch, contents)
        return {place: offsets.holding() for place, offsets in found.items()}

    def rows(self, topic: str, topic_id: str, spans: Spans) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a topic inside the spans."""
        for batch in self._batches(topic, spans, topic_id, ("*",)):
            yield from in_pieces(batch)

    def _batches(
        self, topic: str, spans: Spans, topic_id: str, columns: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        table = self._tables.find(topic)
        if table is not None:
            yield from batches(table, spans, topic_id, columns)


def spans_of(scan: Scan) -> Spans:
    """Return the span of each partition that holds something."""
    return {
        place.partition: (held.offsets.first(1)[0], held.offsets.last + 1)
        for place, held in scan.within.items()
        if held.offsets
    }


def _note_offsets(topic: str, batch: pa.RecordBatch, found: dict[Place, Offsets]) -> None:
    """Add the offsets of some rows to those of their places."""
    for group in (
        pa.Table.from_batches([batch.select(_PLACE)])
        .group_by(["_topic_id", "_partition"])
        .aggregate([("_offset", "list")])
        .to_batches()
    ):
        columns = zip(
            group.column("_topic_id").to_pylist(),
            group.column("_partition").to_pylist(),
            group.column("_offset_list"),
            strict=True,
        )
        for topic_id, partition, offsets in columns:
            place = Place(topic, topic_id, partition)
            found.setdefault(place, Offsets()).add(offsets.values.to_numpy())
