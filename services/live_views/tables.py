"""The Faust tables of the views, and the order of writes that makes them exact.

Per batch: the changed rows, then, once Kafka has acknowledged every one of them, the position of each
partition. So after a crash the rows may be ahead of the position, never behind it; records read again are
below the guard of each row that they touched.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

import faust
from faust.types import TP

from services.live_views.errors import ChangelogError
from services.live_views.keys import partition_of, row_key
from services.live_views.rows import ROW_VERSION, BalanceRow, MerchantRow, PositionRow
from services.live_views.runs import RunSchema

# Small segments, or the cleaner leaves the whole history of a hot row for the next start to read.
CHANGELOG_CONFIG = {
    "segment.bytes": 8 * 1024 * 1024,
    "min.cleanable.dirty.ratio": 0.2,
    "min.compaction.lag.ms": 0,
    "delete.retention.ms": 60_000,
}


class PartitionedTable(faust.Table[str, Any]):
    """A table whose keys name their partition, and which can wait until its changes are in the changelog."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unacknowledged: list[Any] = []

    def partition_for_key(self, key: Any) -> int:
        """The partition in the key; Faust would take that of the event being processed."""
        return partition_of(key)

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        """Restore rows from the runs of changelog records in `batch`."""
        for event in batch:
            for record in event.value:
                key = json.loads(record.key)
                if record.value is None:
                    self.data.pop(key, None)
                else:
                    self.data[key] = json.loads(record.value)

    def send_changelog(self, *args: Any, **kwargs: Any) -> Any:
        """As Faust's, and remembered until `settle`."""
        sent = super().send_changelog(*args, **kwargs)
        self._unacknowledged.append(sent)
        return sent

    async def settle(self) -> None:
        """Wait until Kafka has acknowledged every change so far; raises ChangelogError if it refused one."""
        waiting, self._unacknowledged = self._unacknowledged, []
        for result in await asyncio.gather(*waiting, return_exceptions=True):
            if isinstance(result, BaseException):
                raise ChangelogError(f"The changelog of table {self.name} refused a row: {result!r}.")


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
                    schema=RunSchema(key_serializer="json", value_serializer="json"),
                    extra_topic_configs=CHANGELOG_CONFIG,
                ),
            )

        self._source = source
        self._partitions = partitions
        # One writer at a time, or one would take the acknowledgements that another waits for.
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
            for key, balance in balances.items():
                self._balances[key] = balance
            for key, merchant in merchants.items():
                if merchant is None:
                    self._merchants.pop(key, None)
                else:
                    self._merchants[key] = merchant
            await self._balances.settle()
            await self._merchants.settle()
            for partition, next_offset in positions.items():
                self._positions[_position_key(partition)] = PositionRow(
                    v=ROW_VERSION, next_offset=next_offset
                )
            await self._positions.settle()


def _position_key(partition: int) -> str:
    return row_key(partition, "", "position")
