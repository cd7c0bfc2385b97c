"""The Faust tables of the views, and the order of writes that makes them exact.

Per batch: the changed rows, then, once Kafka has acknowledged every one of them, the position of each
partition. So after a crash the rows may be ahead of the position, never behind it; records read again are
below the guard of each row that they touched.
"""

import asyncio
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, cast

import faust
import orjson
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import Producer
from faust.types import TP

from services.live_views.errors import ChangelogError
from services.live_views.keys import partition_of, row_key
from services.live_views.rows import ROW_VERSION, BalanceRow, MerchantRow, PositionRow
from services.live_views.runs import RunSchema

# Small segments, or the cleaner leaves the whole history of a hot row for the next start to read.
CHANGELOG_CONFIG = {
    "segment.bytes": 1024 * 1024,
    "min.cleanable.dirty.ratio": 0.2,
    "min.compaction.lag.ms": 0,
    "delete.retention.ms": 60_000,
}


class PartitionedTable(faust.Table[str, Any]):
    """A table whose keys name their partition, and which writes its changes in whole batches.

    Faust's own way to the changelog costs half a millisecond of CPU for each row, and an error on it is
    only logged.
    """

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Restore rows from the runs of changelog records in `batch`."""
        for event in batch:
            for record in event.value:
                self._set(record.key.decode(), None if record.value is None else orjson.loads(record.value))

    async def put(self, rows: Mapping[str, Mapping[str, Any] | None]) -> None:
        """Set rows (None drops one); returns when Kafka has acknowledged all of them.

        Raises:
            ChangelogError: Kafka refused some; the process must end and start from the last position.
        """
        by_partition: dict[int, list[tuple[bytes, bytes | None]]] = {}
        for key, row in rows.items():
            self._set(key, row)
            value = None if row is None else orjson.dumps(row)
            by_partition.setdefault(partition_of(key), []).append((key.encode(), value))
        topic = self.changelog_topic.get_topic_name()
        producer = cast(Producer, self.app.producer)._ensure_producer()  # noqa: SLF001 - aiokafka's own
        try:
            sent = [await send(producer, topic, partition, some) for partition, some in by_partition.items()]
            await asyncio.gather(*chain.from_iterable(sent))
        except KafkaError as error:
            raise ChangelogError(f"The changelog of table {self.name} refused rows: {error!r}.") from error

    def _set(self, key: str, row: Mapping[str, Any] | None) -> None:
        if row is None:
            self.data.pop(key, None)
        else:
            self.data[key] = row


async def send(
    producer: Any, topic: str, partition: int, records: Iterable[tuple[bytes, bytes | None]]
) -> list["asyncio.Future[Any]"]:
    """Queue records for one partition, in order, as few batches; each future ends with its batch's answer."""
    sent, batch = [], producer.create_batch()
    for key, value in records:
        if batch.append(timestamp=None, key=key, value=value) is None:
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(timestamp=None, key=key, value=value)
    sent.append(await producer.send_batch(batch, topic, partition=partition))
    return sent


class ViewTables:
    """Balances, merchants and positions of one Faust app over one topic, `source`."""

    def __init__(self, app: faust.App, source: str, partitions: int) -> None:
        def table(name: str, about: str) -> PartitionedTable:
            return cast(
                PartitionedTable,
                app.Table(
                    name,
                    partitions=partitions,
                    help=about,
                    schema=RunSchema(),
                    extra_topic_configs=CHANGELOG_CONFIG,
                ),
            )

        self._source = source
        self._partitions = partitions
        # One writer at a time: a position must not overtake rows that another write is waiting for.
        self._writing = asyncio.Lock()
        self._balances = table("balances", "Approved amounts per currency and limit, per customer.")
        self._merchants = table("merchants", "Approved payments per merchant in recent buckets.")
        self._positions = table("positions", "Next offset per input partition.")

    def balances_of(self, tenant: str, customer: str) -> list[BalanceRow]:
        """The rows of a customer, one for each input partition that has decisions of it."""
        keys = [row_key(partition, tenant, customer) for partition in range(self._partitions)]
        return [self.balances[key] for key in keys if key in self.balances]

    @property
    def balances(self) -> Mapping[str, BalanceRow]:
        """Rows of `row_key(partition, tenant, customer_id)`."""
        return cast(Mapping[str, BalanceRow], self._balances)

    @property
    def merchants(self) -> Mapping[str, MerchantRow]:
        """Rows of `row_key(partition, tenant, merchant_name, currency)`."""
        return cast(Mapping[str, MerchantRow], self._merchants)

    def position(self, tp: TP) -> int | None:
        """The next offset of an input partition; None for another topic and before anything was folded in."""
        row = self._positions.get(_position_key(tp.partition)) if tp.topic == self._source else None
        return None if row is None else int(row["next_offset"])

    async def write(
        self,
        balances: Mapping[str, BalanceRow],
        merchants: Mapping[str, MerchantRow | None],
        positions: Mapping[int, int],
    ) -> None:
        """Write changed rows (None drops one), then the positions; returns when all are acknowledged.

        Raises:
            ChangelogError: a row was refused; the positions were then not written.
        """
        async with self._writing:
            await asyncio.gather(self._balances.put(balances), self._merchants.put(merchants))
            await self._positions.put(
                {
                    _position_key(partition): PositionRow(v=ROW_VERSION, next_offset=offset)
                    for partition, offset in positions.items()
                }
            )


def _position_key(partition: int) -> str:
    return row_key(partition, "", "position")
