"""The way of a request from its records to their outcomes, the same for HTTP and gRPC."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from services.ingest_gateway import reject
from services.ingest_gateway.authorize import Grant
from services.ingest_gateway.availability import Availability
from services.ingest_gateway.config import GatewaySettings
from services.ingest_gateway.errors import FieldError
from services.ingest_gateway.metrics import GatewayMetrics
from services.ingest_gateway.prepare import Context, Trace, prepare
from services.ingest_gateway.reject import Encoder, Reject
from services.ingest_gateway.route import Route
from services.ingest_gateway.split import Records
from streamkit.clock import Clock
from streamkit.kafka.async_producer import Message, Outcome, Undelivered

SLICE: Final = 500
"""Records encoded before other requests get their turn: a batch of 10,000 would hold them up for 100 ms."""

_DAY_MS: Final = 86_400_000
_UNKNOWN: Final = Undelivered("unknown", "Nothing is known of the record.", retryable=True)


class Rejected(NamedTuple):
    """A record with faults of its own; `reject_id` names what was kept of it, None when nothing was."""

    errors: Sequence[FieldError]
    reject_id: str | None


Result = tuple[int, int] | Undelivered | Rejected
"""(partition, offset) of a record that landed, or why it did not."""


class Sender(Protocol):
    """Writes batches; streamkit.kafka.async_producer.AsyncProducer is one."""

    def send(
        self, topic: str, messages: Sequence[Message], timestamp_ms: int
    ) -> "asyncio.Future[list[Outcome]]":
        """Queue records; the future holds an outcome for each, in order."""
        ...


@dataclass(slots=True)
class Origin:
    """What a request brings besides its records: whose it is, the key it names, its trace."""

    grant: Grant
    key: str | None = None
    traceparent: bytes | None = None


@dataclass(frozen=True, slots=True)
class RejectStore:
    """Where rejects are written, and with which schema."""

    kafka_topic: str
    encoder: Encoder


class Publisher:
    """Writes records to Kafka and rejects to their own topic; holds no state between requests."""

    def __init__(
        self,
        sender: Sender,
        availability: Availability,
        settings: GatewaySettings,
        clock: Clock,
        reject_store: Callable[[], RejectStore | None],
    ) -> None:
        self._sender = sender
        self._availability = availability
        self._settings = settings
        self._clock = clock
        self._reject_store = reject_store

    def context(self, origin: Origin) -> Context:
        """Return what the records of a request share; to be called when it has been read whole."""
        now, settings = self._clock.now_ms(), self._settings
        return Context(
            tenant=origin.grant.tenant,
            ingest_ms=now,
            earliest_ms=now - settings.max_event_age_days * _DAY_MS,
            latest_ms=now + settings.max_event_future_s * 1000,
            max_bytes=settings.max_record_bytes,
            trace=Trace.of(origin.traceparent, os.urandom(16)),
            key=origin.key,
        )

    async def begin(self, route: Route, records: Records, context: Context) -> "Pending":
        """Queue the good records of a request for Kafka and its bad ones for the rejects.

        Bad records do not keep good ones back. Records of requests that are begun one after the other keep
        their order. Empties `records.values`, so that parsed values are not held while Kafka is waited for.

        Raises:
            RefusedError: Kafka is away; nothing was written.
        """
        self._availability.demand()
        count = len(records.values)
        waiting: list[tuple[Sequence[int], asyncio.Future[list[Outcome]]]] = []
        rejected: dict[int, list[FieldError]] = {}
        for first in range(0, count, SLICE):
            if first:
                await asyncio.sleep(0)
            prepared = prepare(route, records.values[first : first + SLICE], context, first)
            rejected.update(prepared.rejected)
            if prepared.messages:
                future = self._sender.send(route.kafka_topic, prepared.messages, context.ingest_ms)
                waiting.append((prepared.indexes, future))
        records.values.clear()
        rejects = self._rejects(route, records, rejected, context) if rejected else []
        keeping = self._send_rejects(rejects, context)
        return Pending(route.topic, count, waiting, rejects, keeping, self._availability)

    async def keep(
        self, topic: str, reason: str, errors: Sequence[FieldError], body: bytes, context: Context
    ) -> str | None:
        """Keep a body that could not be taken apart into records; return its reject id, None if not kept."""
        if self._availability.problem() is not None:
            return None
        whole = Reject(_reject_id(context, 0), topic, reason, errors, body)
        keeping = self._send_rejects([(0, whole)], context)
        stored = _kept(None if keeping is None else await keeping, 1)
        return whole.reject_id if stored[0] else None

    @staticmethod
    def _rejects(
        route: Route, records: Records, rejected: dict[int, list[FieldError]], context: Context
    ) -> list[tuple[int, Reject]]:
        originals = records.originals if route.keep_rejects else ()
        return [
            (
                index,
                Reject(
                    _reject_id(context, index),
                    route.topic,
                    reject.INVALID_RECORD,
                    errors,
                    originals[index] if route.keep_rejects else None,
                ),
            )
            for index, errors in rejected.items()
        ]

    def _send_rejects(
        self, rejects: Sequence[tuple[int, Reject]], context: Context
    ) -> "asyncio.Future[list[Outcome]] | None":
        """Write what is to be kept; None when nothing is, or when it cannot be."""
        wanted = [(index, each) for index, each in rejects if each.payload is not None]
        if not wanted:
            return None
        store = self._reject_store()
        if store is None:
            GatewayMetrics.unkept_rejects_total.inc(len(wanted), code="no_schema")
            return None
        messages = [reject.message_of(each, context, store.encoder, index) for index, each in wanted]
        return self._sender.send(store.kafka_topic, messages, context.ingest_ms)


class Pending:
    """A request whose records are on their way; their fate is counted whether or not anybody asks for it.

    Must be made in the event loop, with the futures that `Sender.send` gave.
    """

    def __init__(
        self,
        topic: str,
        count: int,
        waiting: Sequence[tuple[Sequence[int], "asyncio.Future[list[Outcome]]"]],
        rejects: Sequence[tuple[int, Reject]],
        keeping: "asyncio.Future[list[Outcome]] | None",
        availability: Availability,
    ) -> None:
        self._topic = topic
        self._waiting = waiting
        self._rejects = rejects
        self._keeping = keeping
        self._availability = availability
        self._results: list[Result] = [_UNKNOWN] * count
        self._settled = asyncio.Event()
        self._calls: list[Callable[[], None]] = []
        queued = [future for _, future in waiting]
        if keeping is not None:
            queued.append(keeping)
        self._left = len(queued)
        for future in queued:
            future.add_done_callback(self._one_done)
        if not queued:
            self._settle()

    def when_sent(self, call: Callable[[], None]) -> None:
        """Call back once every record that was queued has an outcome; at once when all have."""
        if self._settled.is_set():
            call()
        else:
            self._calls.append(call)

    async def results(self) -> list[Result]:
        """Return an outcome for each record, in order; waits for Kafka up to its timeout and a second."""
        # Not for the futures themselves: whoever is cancelled here would cancel them, as if all were sent.
        await self._settled.wait()
        return self._results

    def _one_done(self, _: "asyncio.Future[list[Outcome]]") -> None:
        self._left -= 1
        if self._left == 0:
            self._settle()
            for call in self._calls:
                call()

    def _settle(self) -> None:
        for indexes, future in self._waiting:
            outcomes = future.result()
            self._availability.note(outcomes)
            for index, outcome in zip(indexes, outcomes, strict=True):
                self._results[index] = outcome
        kept = _kept(None if self._keeping is None else self._keeping.result(), len(self._rejects))
        for (index, each), stored in zip(self._rejects, kept, strict=True):
            self._results[index] = Rejected(each.errors, each.reject_id if stored else None)
        _count(self._topic, self._results, len(self._rejects))
        self._settled.set()


def _kept(outcomes: Sequence[Outcome] | None, count: int) -> list[bool]:
    """Return for each reject whether Kafka has it. The client learns its errors in any case."""
    if outcomes is None:
        return [False] * count
    for outcome in outcomes:
        if isinstance(outcome, Undelivered):
            GatewayMetrics.unkept_rejects_total.inc(code=outcome.code)
    return [not isinstance(outcome, Undelivered) for outcome in outcomes]


def _reject_id(context: Context, index: int) -> str:
    # The record's place in its trace: no other record has it, and it leads from the trace to the reject.
    return context.trace.header(index)[3:52].decode()


def _count(topic: str, results: Sequence[Result], rejected: int) -> None:
    if rejected:
        GatewayMetrics.rejected_records.inc(rejected, topic=topic)
    failed = [result.code for result in results if isinstance(result, Undelivered)]
    for code in failed:
        GatewayMetrics.failed_records.inc(topic=topic, code=code)
    GatewayMetrics.accepted_records.inc(len(results) - rejected - len(failed), topic=topic)
