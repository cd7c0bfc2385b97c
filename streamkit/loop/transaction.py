"""Transaction: a batch's outputs, its state's changes and its positions, all visible at once or never."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from streamkit.broker import Consumer, TooLargeError, TransactionalProducer
from streamkit.clock import Clock
from streamkit.crashpoints import crash
from streamkit.deadletters import UNLIMITED, DeadLetterLimit, RejectionWindow, check_in_a_row
from streamkit.errors import DeadLetterError, StopError
from streamkit.loop.batches import prepared
from streamkit.loop.emit import Emitter
from streamkit.loop.interleave import Interleaved
from streamkit.loop.mark import MARK_KEY, Mark
from streamkit.loop.retries import Retried
from streamkit.loop.side_reader import SideDriver
from streamkit.loop.task import PartitionTask
from streamkit.records import Record, Rejected, TopicPartition
from streamkit.redrive import as_first_read
from streamkit.transform import TransformSpec

Run = tuple[PartitionTask, list[Record]]


@dataclass(slots=True)
class Written:
    """What one transaction did; the steps took so long of it, what they wrote included."""

    records: int = 0
    outputs: int = 0
    step_seconds: float = 0.0
    rejected: Sequence[Rejected] = ()


class Transaction:
    """Runs one transaction after the other for a worker."""

    def __init__(
        self,
        spec: TransformSpec,
        producer: TransactionalProducer,
        consumer: Consumer,
        emitter: Emitter,
        side: SideDriver,
        clock: Clock,
    ) -> None:
        self._spec = spec
        self._producer = producer
        self._consumer = consumer
        self._emitter = emitter
        self._side = side
        self._clock = clock
        self._window = RejectionWindow(spec.dead_letter_limit)
        self._open = False

    def run(
        self,
        runs: Sequence[Run],
        ends: Mapping[PartitionTask, int],
        also: Callable[[Emitter], Iterable[Rejected]] | None = None,
        order: Sequence[Record] | None = None,
        *,
        retried: Sequence[Retried] = (),
        last: bool = False,
    ) -> Written:
        """Process the runs, then what was redriven, and commit; tasks in `ends` move on to at least there.

        `also` may write more and return side records to be put aside; it runs last. With `order`, all the
        runs' records in the order to write their outputs in, there is one run of a partition and the side
        view must stand still. With `last`, the one before a stop over dead letters, these know no limit, and
        a new start counts from nothing. Raises RetryableError (then `abort` and put the batch back),
        FencedError or StopError.
        """
        self._producer.begin()
        self._open = True
        crash.at("transaction.after_begin")
        self._emitter.begin(self._clock.now_ms())
        crash.at("transaction.before_outputs")
        done, marks = Written(), dict[PartitionTask, Mark]()
        limit = UNLIMITED if last else self._spec.dead_letter_limit
        rejected: list[Rejected] = []
        start = time.perf_counter()
        for task, run, found in self._steps(runs) if order is None else self._interleaved(runs, order):
            marks[task] = self._mark(task, marks.get(task, task.mark), run, found, limit)
            done.records += len(run)
            rejected += found
        done.step_seconds = time.perf_counter() - start
        for task, end in ends.items():
            marks[task] = self._moved(task, marks.get(task, task.mark), end)
        again = self._take_back(retried, marks)
        if last:
            marks = {task: replace(mark, rejected_in_a_row=0) for task, mark in marks.items()}
        else:
            self._window.add(done.records, len(rejected))
        # Beyond the limit's count: somebody has asked for these, one by one.
        done.records += len(retried)
        rejected += again
        if also is not None:
            rejected += also(self._emitter)
        done.outputs, done.rejected = self._emitter.written, rejected
        crash.at("transaction.after_outputs")
        self._commit(marks, retried)
        return done

    def abort(self) -> None:
        """Give the open transaction up; the tasks' changes are the caller's to clear."""
        if self._open:
            self._producer.abort()
            self._open = False

    def _steps(self, runs: Sequence[Run]) -> Iterator[tuple[PartitionTask, list[Record], list[Rejected]]]:
        """Process one run after the other, outputs being written as they come; yields what was rejected."""
        for task, run in runs:
            rejected: list[Rejected] = []
            for piece in self._side.split(_prepared(task, run)):
                if piece:
                    self._emitter.see(self._side.view)
                    made = self._spec.step(piece, self._side.view, task.state)
                    rejected += self._emitter.outputs(made, piece)
            for one in rejected:
                self._emitter.dead_letter(one, task.place.topic_id)
            yield task, run, rejected

    def _take_back(self, retried: Sequence[Retried], marks: dict[PartitionTask, Mark]) -> list[Rejected]:
        """Process what was redriven and move the marks behind it; returns what is refused again."""
        again: list[Rejected] = []
        for one in retried:
            again += self._again(one)
            before = self._moved(one.task, marks.get(one.task, one.task.mark), 0)
            marks[one.task] = replace(before, retry_id=one.topic_id, retry_next=one.record.offset + 1)
        return again

    def _again(self, one: Retried) -> list[Rejected]:
        """Process a redriven record alone, after all that was there; returns it when it is refused again."""
        task, view = one.task, self._side.view
        try:
            record = as_first_read(one.record, task.tp.topic, task.place.topic_id)
        except DeadLetterError as error:
            stray = Rejected(one.record, error.reason, str(error))
            self._emitter.dead_letter(stray, one.topic_id)
            return [stray]
        self._emitter.see(view)
        rejected = self._emitter.outputs(self._spec.step([record], view, task.state), [record])
        for each in rejected:
            self._emitter.dead_letter(each, task.place.topic_id)
        return rejected

    def _interleaved(
        self, runs: Sequence[Run], order: Sequence[Record]
    ) -> Iterator[tuple[PartitionTask, list[Record], list[Rejected]]]:
        """Process the runs, then write all outputs in the order of the records they were made from."""
        view, made = self._side.view, Interleaved(order)
        self._emitter.see(view)
        for task, run in runs:
            piece = _prepared(task, run)
            if piece:
                made.add(piece, self._spec.step(piece, view, task.state))
        rejected: dict[TopicPartition, list[Rejected]] = {task.tp: [] for task, _ in runs}
        topic_ids = {task.tp: task.place.topic_id for task, _ in runs}
        for one in self._emitter.outputs(made.in_order(), order):
            self._emitter.dead_letter(one, topic_ids[one.record.tp])
            rejected[one.record.tp].append(one)
        for task, run in runs:
            yield task, run, rejected[task.tp]

    def _mark(
        self,
        task: PartitionTask,
        before: Mark | None,
        run: list[Record],
        rejected: list[Rejected],
        limit: DeadLetterLimit,
    ) -> Mark:
        in_a_row = before.rejected_in_a_row if before is not None else 0
        offsets, refused = [record.offset for record in run], {one.record.offset for one in rejected}
        in_a_row = check_in_a_row(in_a_row, offsets, refused, limit, task.tp)
        after = Mark(task.place.topic_id, run[-1].offset + 1, self._side.view.positions, in_a_row)
        if before is None:
            return after
        return replace(after, retry_id=before.retry_id, retry_next=before.retry_next)

    def _moved(self, task: PartitionTask, before: Mark | None, end: int) -> Mark:
        if before is None:
            return Mark(task.place.topic_id, end, self._side.view.positions)
        side = before.side.merge(self._side.view.positions)
        return replace(before, next_offset=max(end, before.next_offset), side=side)

    def _log_changes(self, task: PartitionTask) -> None:
        topic, partition = task.changelog
        try:
            self._producer.send_many(topic, partition, task.state.changes.items())
        except TooLargeError as error:
            size, key = max((len(k) + len(v or b""), k) for k, v in task.state.changes.items())
            raise StopError(
                f"the state of {task.tp.topic}/{task.tp.partition} has {size:,} bytes under the key "
                f"{key[:80]!r}, more than the changelog takes",
                topic=topic,
                partition=partition,
                hint="Nothing of the batch was committed. Deploy a step that keeps less, or spreads it over "
                "several keys, and start the service: it goes on from here",
            ) from error

    def _commit(self, marks: Mapping[PartitionTask, Mark], retried: Sequence[Retried]) -> None:
        for task, mark in marks.items():
            topic, partition = task.changelog
            if task.state.changes:
                self._log_changes(task)
            self._producer.send(
                topic, MARK_KEY, mark.encode(), partition=partition, on_delivered=task.delivered
            )
        crash.at("transaction.after_changelog")
        if marks:
            offsets = {task.tp: mark.next_offset for task, mark in marks.items()}
            # Those of retries only for whoever watches the lag: how far they are done, the marks say.
            offsets |= {one.record.tp: one.record.offset + 1 for one in retried}
            self._producer.send_offsets(offsets, self._consumer.group_metadata())
        crash.at("transaction.after_offsets")
        self._producer.commit()
        self._open = False
        crash.at("transaction.after_commit")
        now_ms = self._clock.now_ms()
        for task, mark in marks.items():
            task.save(task.state.changes, mark, now_ms)
            task.state.clear()
        crash.at("transaction.after_store")


def _prepared(task: PartitionTask, run: list[Record]) -> list[Record]:
    return prepared(run, f"{task.tp.topic}@{task.place.topic_id}/{task.tp.partition}/")
