"""Side inputs: read from their beginning at start, moved on only between batches."""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from streamkit.broker import Broker, Consumer
from streamkit.clock import Clock
from streamkit.errors import DeadLetterError, RetryableError
from streamkit.headers import HEARTBEAT, find
from streamkit.loop.put_aside import PutAside
from streamkit.positions import Positions
from streamkit.records import Record, Rejected, TopicPartition
from streamkit.side import SideInput, SideView

_log = logging.getLogger(__name__)
_RECORDS_AT_ONCE = 5_000
_START_TIMEOUT_S = 120.0
_TRY_AGAIN_S = 1.0
_GATHER_MS = 250  # side inputs change rarely; asking for news ten times per second would be most of the work


class SideDriver(Protocol):
    """Decides at which side positions a record is processed.

    Live: at the newest. Replay as recorded puts a strategy of its own here, which moves the view to each
    record's recorded vector before it yields the record.
    """

    view: SideView

    @property
    def rejected(self) -> Sequence[Rejected]:
        """Side records that could not be decoded, the newest last; it only grows."""
        ...

    @property
    def reached(self) -> Positions:
        """How far the side can be: a partition whose state has seen more of it has to wait."""
        ...

    def start(self) -> None:
        """Read what has to be known before the first record; blocks."""
        ...

    def advance(self) -> None:
        """Take in what is there now; called between batches, does not wait."""
        ...

    def split(self, run: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """Yield `run` in pieces, each to be processed with the view as it stands when it is yielded."""
        ...

    def close(self) -> None:
        """Release the consumer."""
        ...


class LiveSide:
    """A view that is as new as can be at the beginning of each batch.

    `alive` is called again and again while `start` blocks.
    """

    def __init__(
        self,
        inputs: Sequence[SideInput],
        broker: Broker,
        clock: Clock,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self.view = SideView(inputs)
        self._refused = PutAside()
        self._alive = alive
        self._broker = broker
        self._clock = clock
        self._consumer: Consumer | None = None
        self._held: deque[Record] = deque()
        self._next_try = 0.0

    @property
    def rejected(self) -> Sequence[Rejected]:
        """Every side record that could not be decoded; of too many, the oldest without their bytes."""
        return self._refused.records

    @property
    def reached(self) -> Positions:
        """The positions of the view."""
        return self.view.positions

    def start(self) -> None:
        """Read all side inputs up to where they end now.

        Raises RetryableError when a topic does not exist or its end is not reached within two minutes.
        """
        topics = sorted(self.view.topics)
        if not topics:
            return
        admin = self._broker.admin()
        found = admin.topics(topics)
        missing = [topic for topic in topics if topic not in found]
        if missing:
            raise RetryableError(
                f"side input topics do not exist: {', '.join(missing)}",
                hint="Create them with `kapstan topics apply`",
            )
        partitions = [TopicPartition(t, p) for t in topics for p in range(found[t].partitions)]
        ends = admin.end_offsets(partitions, committed_only=True)
        self._consumer = self._broker.consumer(gather_ms=_GATHER_MS)
        self._consumer.assign(dict.fromkeys(partitions, 0))
        self._read_to(ends)

    def advance(self) -> None:
        """Take in what has been fetched by now.

        A record that cannot be taken for now, because its schema is new and the registry away, is held with
        all behind it and tried again each second: what is decided meanwhile is decided without it.
        """
        if self._consumer is None:
            return
        if not self._held:
            self._held.extend(self._consumer.consume(_RECORDS_AT_ONCE, 0.0).records)
        elif self._clock.monotonic() < self._next_try:
            return
        while self._held:
            try:
                self._apply(self._held[0])
            except RetryableError as error:
                self._next_try = self._clock.monotonic() + _TRY_AGAIN_S
                _log.warning("side inputs stand still at %s: %s", self._held[0].topic, error)
                return
            self._held.popleft()

    def split(self, run: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """Yield the whole run: the view stands still within a batch."""
        yield run

    def close(self) -> None:
        """Release the consumer."""
        if self._consumer is not None:
            self._consumer.close()

    def _read_to(self, ends: Positions) -> None:
        reached = Positions()
        deadline = self._clock.monotonic() + _START_TIMEOUT_S
        while self._consumer is not None and not reached.covers(ends):
            self._alive()
            polled = self._consumer.consume(_RECORDS_AT_ONCE, 0.1)
            for record in polled.records:
                self._apply(record)
            reached = Positions(polled.ends).merge(reached).merge(self.view.positions)
            if self._clock.monotonic() > deadline:
                late = [f"{tp.topic}/{tp.partition}" for tp in ends if reached.get(tp, 0) < ends[tp]]
                raise RetryableError(
                    f"side inputs did not reach their ends in two minutes: {', '.join(late)}"
                )

    def _apply(self, record: Record) -> None:
        if find(record.headers, HEARTBEAT) is not None:
            return
        try:
            self.view.apply(record)
        except DeadLetterError as error:
            _log.warning("side input record put aside: %s", error)
            self._refused.add(
                Rejected(record, error.reason, error.message, error.field_path, error.schema_id)
            )
