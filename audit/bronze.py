"""What bronze holds: the offsets in its tables, and how far they have come."""

import pyarrow as pa
from pyiceberg.table import Table

from audit.stores import Holding, Holdings, Offsets, Place
from services.lake_sink.catalog import open_catalog
from services.lake_sink.config import LakeSettings
from services.lake_sink.summary import head_of
from services.lake_sink.tables import Tables
from streamkit.positions import Positions


class Bronze:
    """Reads bronze tables. Every call blocks and raises RetryableError when the lake is away."""

    def __init__(self, settings: LakeSettings) -> None:
        self._tables = Tables(open_catalog(settings), settings.bronze)

    def stands(self, topic: str) -> Positions:
        """Return the positions that a topic's table has reached; empty when there is no table."""
        table = self._tables.find(topic)
        return head_of(table.metadata).positions if table is not None else Positions()

    def holds(self, topic: str) -> Holdings:
        """Return the offsets in a topic's table, by the topic id each row was read from."""
        table = self._tables.find(topic)
        if table is None or table.current_snapshot() is None:
            return {}
        found: dict[Place, Offsets] = {}
        for batch in _batches(table):
            _take(topic, batch, found)
        return {place: Holding.of(offsets.taken()) for place, offsets in found.items()}


def _batches(table: Table) -> pa.RecordBatchReader:
    return table.scan(selected_fields=("_topic_id", "_partition", "_offset")).to_arrow_batch_reader()


def _take(topic: str, batch: pa.RecordBatch, found: dict[Place, Offsets]) -> None:
    for group in (
        pa.Table.from_batches([batch])
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
