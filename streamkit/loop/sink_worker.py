"""Sink worker: consume, write, and commit records and positions in the destination, at once."""

import contextlib
import logging
from collections.abc import Callable, Mapping

from streamkit.broker import BEGINNING, Broker, Consumer, Member
from streamkit.clock import Clock
from streamkit.crashpoints import crash
from streamkit.errors import RetryableError
from streamkit.headers import is_heartbeat
from streamkit.loop.bounds import Bounded
from streamkit.loop.flushes import Flushes
from streamkit.loop.metrics import LoopMetrics
from streamkit.loop.recreation import Recreation
from streamkit.loop.settings import LoopSettings
from streamkit.loop.status import LoopStatus
from streamkit.outputs import qualified
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition
from streamkit.sink import SinkSpec

_log = logging.getLogger(__name__)

_RECORDS_AT_ONCE = 10_000
_IDLE_S = 0.1
# A sink reads topics that others write a few records at a time, hundreds of times per second: without this,
# every one of those writes ends a fetch over all partitions.
_GATHER_MS = 250
_LONGEST_BACKOFF_S = 10.0
# Group offsets are for people who watch the lag; this often is enough when only markers were passed.
_HINT_EVERY_S = 5.0
_INPUTS_EVERY_S = 2.0


class SinkWorker:
    """One worker of a sink: `open`, then `turn` until `finished`, then `close`."""

    def __init__(
        self,
        spec: SinkSpec,
        settings: LoopSettings,
        broker: Broker,
        clock: Clock,
        status: LoopStatus,
        bounded: Bounded | None = None,
    ) -> None:
        self._spec = spec
        self._clock = clock
        self._status = status
        self._bounded = bounded
        self._admin = broker.admin()
        group = qualified(settings.namespace, spec.service)
        self._consumer: Consumer = broker.consumer(Member(group, f"{group}-{settings.slot}"), _GATHER_MS)
        self._flushes = Flushes(clock, spec.flush_records, spec.flush_bytes, spec.flush_age_ms)
        # Where reading goes on for each assigned partition; None is the beginning.
        self._next: dict[TopicPartition, int | None] = {}
        self._starts: dict[TopicPartition, int] = {}
        # Of every topic that was ever assigned: one with another id later is not the same topic.
        self._topic_ids: dict[str, str] = {}
        self._recreation = Recreation(self._admin, broker.ask, clock)
        self._reopen = False
        self._not_before = 0.0
        self._failures = 0
        self._next_hint = 0.0
        self._inputs: tuple[str, ...] = ()
        self._next_inputs = 0.0

    def open(self) -> None:
        """Join the group."""
        self._subscribe()
        self._status.phase = "running"

    def turn(self) -> None:
        """Read and write a piece, and commit when it is time; blocks for 100 ms when nothing comes.

        Raises StopError when a topic was deleted and created again.
        """
        self._status.turned()
        with contextlib.suppress(RetryableError):  # nothing is known of the topics: they are asked for again
            self._recreation.check(self._topic_ids)
        if callable(self._spec.inputs) and self._clock.monotonic() >= self._next_inputs:
            self._guarded(self._subscribe)
        if self._reopen and self._clock.monotonic() >= self._not_before:
            self._guarded(self._open_destination)
        wait_s = self._flushes.wait_s()
        polled = self._consumer.consume(_RECORDS_AT_ONCE, _IDLE_S if wait_s is None else min(_IDLE_S, wait_s))
        if self._reopen:
            # A rebalance happened inside `consume`: what it returned is read again after the opening.
            return
        self._guarded(lambda: self._take(polled.records, polled.ends))

    def finished(self) -> bool:
        """Tell whether the loop was asked to stop, or a bounded run has reached its ends."""
        if self._status.stopping:
            return True
        if self._bounded is None or self._reopen or not self._next or self._flushes.records:
            return False
        return self._bounded.reached(self._next)

    def abandon(self) -> None:
        """Let `close` commit nothing: something went wrong with what was written."""
        self._reopen = True

    def close(self) -> None:
        """Commit what was written, leave the group, release everything."""
        self._status.phase = "stopped"
        with contextlib.closing(self._spec.destination):
            self._consumer.close()

    def _subscribe(self) -> None:
        """Join the group for the inputs of this moment, if they are others than before."""
        self._next_inputs = self._clock.monotonic() + _INPUTS_EVERY_S
        inputs = self._spec.inputs() if callable(self._spec.inputs) else self._spec.inputs
        if inputs != self._inputs:
            self._consumer.subscribe(inputs, self._assigned, self._revoked)
            self._inputs = inputs  # only now: what could not be subscribed is tried again

    def _take(self, records: list[Record], ends: Mapping[TopicPartition, int]) -> None:
        if self._bounded is not None:
            passed = self._bounded.passed(records)
            ends = {**self._bounded.clipped(ends), **passed}
            records = self._bounded.within(records) if passed else records
        kept = records
        if not self._spec.keep_heartbeats:
            kept = [record for record in records if not is_heartbeat(record.headers)]
        if kept:
            crash.at("sink.before_write")
            self._spec.destination.write(kept)
            crash.at("sink.after_write")
        for place, offset in {(record.topic, record.partition): record.offset for record in records}.items():
            self._next[TopicPartition(*place)] = offset + 1
        for tp, end in ends.items():
            if tp in self._next:
                self._next[tp] = max(end, self._next[tp] or 0)
        self._flushes.add(kept)
        LoopMetrics.in_records.inc(len(records))
        if self._flushes.due() or (self._flushes.records and self._at_bounds()):
            self._flush()
        elif not self._flushes.records and self._clock.monotonic() >= self._next_hint:
            self._hint()

    def _flush(self) -> None:
        with LoopMetrics.commit_seconds.time():
            crash.at("sink.before_commit")
            self._spec.destination.commit(self._positions())
            crash.at("sink.after_commit")
        LoopMetrics.out_records.inc(self._flushes.records)
        self._flushes.reset()
        self._failures = 0
        self._status.phase = "running"
        self._hint()
        crash.at("sink.after_hint")

    def _hint(self) -> None:
        self._next_hint = self._clock.monotonic() + _HINT_EVERY_S
        positions = self._positions()
        moved = {tp: offset for tp, offset in positions.items() if offset != self._starts.get(tp)}
        if moved:
            self._consumer.commit(moved)
            self._starts.update(moved)

    def _positions(self) -> Positions:
        known = {tp: offset for tp, offset in self._next.items() if offset is not None}
        return Positions(known, {topic: self._topic_ids[topic] for topic in {tp.topic for tp in known}})

    def _at_bounds(self) -> bool:
        return self._bounded is not None and self._bounded.reached(self._next)

    def _assigned(self, partitions: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        starts = self._consumer.committed(partitions)
        self._starts.update(starts)
        self._next.update({tp: starts.get(tp) for tp in partitions})
        self._reopen = True
        self._report()
        return starts

    def _revoked(self, partitions: list[TopicPartition], lost: bool) -> None:
        if self._flushes.records and not lost and not self._reopen:
            self._guarded(self._flush)
        for tp in partitions:
            self._next.pop(tp, None)
            self._starts.pop(tp, None)
        self._reopen = True
        self._report()

    def _report(self) -> None:
        self._status.assigned = len(self._next)
        LoopMetrics.assigned_partitions.set(self._status.assigned)

    def _open_destination(self) -> None:
        """Ask the destination where to go on for the whole assignment, and go there."""
        self._flushes.reset()
        self._consumer.pause(self._next)
        topics = self._admin.topics(sorted({tp.topic for tp in self._next}))
        missing = sorted({tp.topic for tp in self._next} - topics.keys())
        if missing:
            raise RetryableError(f"input topics were deleted: {', '.join(missing)}")
        ids = {topic: info.topic_id for topic, info in topics.items()}
        self._topic_ids = dict(Positions({}, self._topic_ids).merge(Positions({}, ids)).topic_ids)
        crash.at("sink.before_open")
        kept = self._spec.destination.open(sorted(self._next))
        crash.at("sink.after_open")
        Positions({}, self._topic_ids).merge(kept.only(self._next))
        for tp in self._next:
            start = kept.get(tp, self._starts.get(tp) if self._spec.trust_group else None)
            self._next[tp] = start
            self._consumer.seek(tp, BEGINNING if start is None else start)
        self._consumer.resume(self._next)
        self._reopen = False

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do work with the destination; when it is away, drop what is not committed and wait."""
        try:
            work()
        except RetryableError as error:
            self._failures += 1
            LoopMetrics.aborted_total.inc()
            backoff_s = min(_LONGEST_BACKOFF_S, 0.1 * 2 ** min(self._failures, 10))
            self._not_before = self._clock.monotonic() + backoff_s
            self._flushes.reset()
            self._reopen = True
            self._status.phase = f"waiting: {error}"
            if self._failures == 1:
                _log.warning("the destination is away, what was not committed will be read again: %s", error)
            if self._next:
                self._consumer.pause(self._next)
