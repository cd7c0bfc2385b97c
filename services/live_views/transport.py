"""Faust's Kafka transport, made to read committed records only and to start where the tables stand.

Faust 0.15.3 passes `read_uncommitted` to its consumer unless it runs in its own exactly-once mode, which is
much slower and was measured to lose counts under kills. And its group offsets follow its own bookkeeping of
acknowledgements. Both are replaced here: a view must never show an aborted decision, and the rows' positions,
which are in the changelog behind the rows, are the only truth about what was folded in.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from services.live_views.errors import IsolationError
from services.live_views.runs import collapse

Position = Callable[[TP], int | None]
"""The next offset to fold in of a partition; None for a changelog and when the tables hold nothing of it."""


# Views are looked at by people, so the broker may gather for a moment rather than answer every single write.
_FETCHED = {"_isolation_level": "read_committed", "_fetch_min_bytes": 1_048_576, "_fetch_max_wait_ms": 250}


def read_committed(consumer: Any) -> Any:
    """Set an aiokafka consumer that was not started yet to gather what is committed; returns it.

    Raises:
        IsolationError: this aiokafka keeps its isolation level elsewhere.
    """
    # The fetcher is made from these fields when the consumer starts; there is no public setter, and Faust
    # builds the consumer itself.
    for field, value in _FETCHED.items():
        if not hasattr(consumer, field):
            raise IsolationError(f"aiokafka's consumer has no field {field}.")
        setattr(consumer, field, value)
    return consumer


class _Thread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        return read_committed(super()._create_worker_consumer(transport))


class _Consumer(driver.Consumer):
    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109
        return collapse(await super()._getmany(active_partitions, timeout))

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek each partition to the tables' position, or else to the group's; returns where each stands."""
        committed: Mapping[TP, int] = await super().seek_to_committed()
        position = cast(ReadCommittedTransport, self.transport).position
        known = {tp: position(tp) for tp in self.assignment()}
        ours = {tp: offset for tp, offset in known.items() if offset is not None}
        if ours:
            await self.seek_wait(ours)
        return {**committed, **ours}


class ReadCommittedTransport(driver.Transport):
    """A transport for `faust.App.transport`; its events are runs (see runs.py).

    Args:
        url: as the app's `conf.broker_consumer`.
        app: the Faust app.
        position: asked after the tables are restored, of changelogs too.
    """

    Consumer = _Consumer

    def __init__(self, url: Any, app: Any, position: Position) -> None:
        super().__init__(url, app)
        self.position = position
