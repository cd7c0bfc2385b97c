"""Worker: the Transform loop itself; each turn restores, collects, commits and looks after what is slow."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from streamkit.broker import AbortableError, AwayError, Broker, Consumer, Member
from streamkit.clock import Clock
from streamkit.deadletters import TooManyRejectedError
from streamkit.errors import FencedError, RetryableError
from streamkit.loop.assignment import Assignment
from streamkit.loop.batches import LONGEST_BOUNDED_S, LONGEST_S, Arrivals, Batches, Pace, runs
from streamkit.loop.bounds import Bounded
from streamkit.loop.emit import Emitter
from streamkit.loop.merge import Merged
from streamkit.loop.metrics import LoopMetrics
from streamkit.loop.pulse import Pulse
from streamkit.loop.restore import Restorer
from streamkit.loop.retries import Retried, Retries
from streamkit.loop.routing import Routing
from streamkit.loop.settings import LoopSettings
from streamkit.loop.side_letters import SideLetters
from streamkit.loop.side_reader import LiveSide, SideDriver
from streamkit.loop.status import LoopStatus
from streamkit.loop.task import PartitionTask
from streamkit.loop.transaction import Transaction, Written
from streamkit.outputs import qualified
from streamkit.records import Record, Rejected, TopicPartition
from streamkit.transform import TransformSpec

_log = logging.getLogger(__name__)

# Positions that moved over transaction markers alone are worth a commit only now and then.
_MARKERS_EVERY_S = 1.0
_MOST_ABORTS_IN_A_ROW = 10
_LONGEST_BACKOFF_S = 2.0


class TransformWorker:
    """One worker of a transform: `open`, then `turn` until `finished`, then `close`."""

    def __init__(
        self,
        spec: TransformSpec,
        settings: LoopSettings,
        broker: Broker,
        clock: Clock,
        status: LoopStatus,
        bounded: Bounded | None = None,
        side: SideDriver | None = None,
    ) -> None:
        self._spec = spec
        self._clock = clock
        self._status = status
        self._bounded = bounded
        self._namespace = settings.namespace
        self._group = qualified(settings.namespace, spec.service)
        self._instance = f"{self._group}-{settings.slot}"
        self._admin = broker.admin()
        self._side = side if side is not None else LiveSide(spec.side_inputs, broker, clock, status.turned)
        self._restorer = Restorer(broker, clock)
        self._assignment = Assignment(
            spec, settings.namespace, settings.state_dir, self._admin, self._restorer, clock, status
        )
        self._live = settings.mode == "live" and bounded is None
        self._retries = Retries(broker, clock, settings.namespace, spec.service, live=self._live)
        self._routing = Routing(spec, settings.namespace, self._admin, broker.ask, clock, self._retries)
        self._letters = SideLetters(self._side, self._admin)
        longest_s = LONGEST_S if bounded is None else LONGEST_BOUNDED_S
        self._pace = Pace(clock, settings.commit_interval_ms, settings.max_batch, longest_s)
        self._batches = _batches(bounded, self._pace)
        self._producer = broker.transactional_producer(self._instance)
        self._consumer: Consumer = broker.consumer(Member(self._group, self._instance))
        self._assignment.consumer = self._consumer
        dead_letters = qualified(settings.namespace, spec.dead_letters)
        self._emitter = Emitter(self._producer, spec.service, dead_letters, spec.encode_dead_letter)
        self._transaction = Transaction(
            spec, self._producer, self._consumer, self._emitter, self._side, clock
        )
        self._pulse = Pulse(self._admin, broker.ask, clock, spec.heartbeat_rule, self._group)
        self._merged = bounded is not None and bounded.event_time is not None
        # Another driver than the live one may move the view within a batch: then each piece has its turn.
        self._interleaved = self._merged and side is None
        self._ends: dict[TopicPartition, int] = {}
        self._next_markers = 0.0
        self._aborts = 0

    def open(self) -> None:
        """Read side inputs, take over the slot's transactional id, join the group."""
        self._side.start()
        self._status.turned()
        self._producer.init()
        self._status.turned()
        self._routing.follow(self._side.view, self._consumer, self._assignment, self._emitter)
        self._status.phase = "running"

    def turn(self) -> None:
        """Do one piece of everything; blocks for about 100 ms when there is nothing to do."""
        self._status.turned()
        self._side.advance()
        self._routing.follow(self._side.view, self._consumer, self._assignment, self._emitter)
        self._routing.check()
        self._assignment.progress(self._side.reached)
        records = self._collect()
        letters = self._letters.pending(self._first())
        retried = self._retries.take(self._assignment.running())
        if records or letters or retried or self._markers_due():
            self._commit(records, letters, retried)
        first = self._first()
        if self._live and first is not None:
            self._beat(first)

    def finished(self) -> bool:
        """Tell whether the loop was asked to stop, or a bounded run has reached its ends."""
        if self._status.stopping:
            return True
        if self._bounded is None or self._status.restoring or not self._assignment.tasks:
            return False
        return self._bounded.reached({t.tp: t.next_offset for t in self._assignment.running()})

    def close(self) -> None:
        """Leave the group and release everything; no transaction is open between turns."""
        self._status.phase = "stopped"
        with ExitStack() as closing:  # each of them, whatever the others raise
            closing.callback(self._producer.close)
            closing.callback(self._side.close)
            closing.callback(self._restorer.close)
            closing.callback(self._retries.close)
            closing.callback(self._assignment.close)
            closing.callback(self._consumer.close)

    def _collect(self) -> list[Record]:
        running = [task.tp for task in self._assignment.running()]
        if self._merged and self._status.restoring:
            running = []
        records = self._batches.collect(self._consumer, running)
        if self._assignment.gone:
            gone, self._assignment.gone = self._assignment.gone, set()
            self._batches.forget(gone)
            records = [record for record in records if record.tp not in gone]
            self._ends = {tp: end for tp, end in self._ends.items() if tp not in gone}
        self._ends.update(self._batches.take_ends())
        if self._bounded is None:
            return records
        self._ends = {**self._bounded.clipped(self._ends), **self._bounded.passed(records)}
        return self._bounded.within(records)

    def _commit(self, records: list[Record], letters: Sequence[Rejected], retried: Sequence[Retried]) -> None:
        tasks = self._assignment.tasks
        keep_order = self._merged and not self._interleaved
        grouped = [(tasks[tp], run) for tp, run in runs(records, keep_order=keep_order)]
        ends = {tasks[tp]: end for tp, end in self._ends.items() if tp in tasks}
        first = self._first()
        if letters and first is not None:
            ends.setdefault(first, first.next_offset or 0)
        start = time.perf_counter()
        order = records if self._interleaved else None
        try:
            done = self._transact(grouped, ends, self._letters.writer(letters), order, retried=retried)
        except TooManyRejectedError as error:
            self._commit_before(error, grouped, ends, letters, order)
            raise
        seconds = time.perf_counter() - start
        if done is None:
            return
        self._ends = {}
        self._next_markers = self._clock.monotonic() + _MARKERS_EVERY_S
        self._pace.committed(done.records, done.step_seconds, seconds)
        LoopMetrics.commit_seconds.observe(seconds)
        _count(done)

    def _commit_before(
        self,
        error: TooManyRejectedError,
        grouped: list[tuple[PartitionTask, list[Record]]],
        ends: dict[PartitionTask, int],
        letters: Sequence[Rejected],
        order: Sequence[Record] | None,
    ) -> None:
        """Commit what comes before the record that was one too many, so that the letters can be read.

        A new start then goes on at that record. Without this it would find the same batch for ever.
        """
        self._abort()
        if error.offset is not None:
            offset, tp = error.offset, TopicPartition(error.topic or "", error.partition or 0)
            grouped = [(t, [r for r in run if t.tp != tp or r.offset < offset]) for t, run in grouped]
            order = order and [r for r in order if r.tp != tp or r.offset < offset]
            ends = {**ends, self._assignment.tasks[tp]: offset}
        grouped = [(task, run) for task, run in grouped if run]
        self._transact(grouped, ends, self._letters.writer(letters), order, last=True)

    def _put_back(self, grouped: list[tuple[PartitionTask, list[Record]]], error: RetryableError) -> None:
        """Abort, and read the batch again after a while, as long as what is missing is missing."""
        self._aborts += 1
        self._abort()
        if isinstance(error, AbortableError) and self._aborts >= _MOST_ABORTS_IN_A_ROW:
            raise FencedError(f"{self._aborts} transactions in a row were aborted: {error}") from error
        starts: dict[TopicPartition, int] = {}
        for task, run in grouped:
            starts.setdefault(task.tp, run[0].offset)
        # Their ends too: a position that moved there without the batch would lose the batch.
        self._batches.forget(set(starts))
        self._retries.put_back()
        self._ends = {tp: end for tp, end in self._ends.items() if tp not in starts}
        for tp, offset in starts.items():
            self._consumer.seek(tp, offset)
        LoopMetrics.aborted_total.inc()
        self._status.phase = f"waiting: {error}"
        if self._aborts == 1:
            _log.warning("a transaction was given up and will be done again: %s", error)
        self._clock.sleep(min(_LONGEST_BACKOFF_S, 0.05 * 2 ** min(self._aborts, 10)))

    def _abort(self) -> None:
        """Give up the open transaction and what the steps changed in it."""
        self._transaction.abort()
        for task in self._assignment.tasks.values():
            task.state.clear()

    def _markers_due(self) -> bool:
        if self._clock.monotonic() < self._next_markers:
            return False
        tasks = self._assignment.tasks
        return any(end > (tasks[tp].next_offset or 0) for tp, end in self._ends.items() if tp in tasks)

    def _first(self) -> PartitionTask | None:
        """Return the task of the partition whose owner works for the whole group, if that is this worker."""
        task = self._assignment.tasks.get(self._routing.first_partition())
        return task if task is not None and task.running else None

    def _beat(self, first: PartitionTask) -> None:
        """Write the heartbeats that are due, in a transaction that proves the place in the group."""
        topics = self._routing.topics
        builders = {topics.outputs[name]: build for name, build in topics.heartbeat_outputs.items()}
        real = {qualified(self._namespace, topic): build for topic, build in builders.items()}
        answer = self._pulse.due(topics.inputs, real) if real else []
        # It may have been asked before an output was withdrawn.
        due = [beat for beat in answer if beat.partition.topic in real]
        if not due:
            return

        def write(emitter: Emitter) -> Sequence[Rejected]:
            for beat in due:
                topic, partition = beat.partition
                emitter.heartbeat(topic, partition, real[topic], beat.event_time, self._clock.now_ms())
            return ()

        if self._transact([], {first: first.next_offset or 0}, write) is not None:
            LoopMetrics.heartbeat_records.inc(len(due))

    def _transact(
        self,
        grouped: list[tuple[PartitionTask, list[Record]]],
        ends: dict[PartitionTask, int],
        also: Callable[[Emitter], Sequence[Rejected]],
        order: Sequence[Record] | None = None,
        *,
        retried: Sequence[Retried] = (),
        last: bool = False,
    ) -> Written | None:
        """Run one transaction; None when it was given up and its batch put back."""
        try:
            done = self._transaction.run(grouped, ends, also, order, retried=retried, last=last)
        except AwayError:
            raise  # nobody is there to abort at, and the transaction may have been committed
        except RetryableError as error:
            self._put_back(grouped, error)
            return None
        self._aborts = 0
        self._status.phase = "running"
        return done


def _batches(bounded: Bounded | None, pace: Pace) -> Batches:
    if bounded is not None and bounded.event_time is not None:
        return Merged(bounded.ends, bounded.event_time, pace)
    return Arrivals(pace)


def _count(done: Written) -> None:
    LoopMetrics.in_records.inc(done.records)
    LoopMetrics.out_records.inc(done.outputs)
    for one in done.rejected:
        LoopMetrics.rejected_records.inc(reason=one.reason)
