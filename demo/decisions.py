"""Watches decisions and alerts as any reader would: what is committed, as soon as it can be read."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from demo.latency import Latencies
from demo.platform import Platform
from streamkit.errors import DeadLetterError, RetryableError
from streamkit.headers import hop_times, is_heartbeat
from streamkit.records import Record, TopicPartition

DECISIONS, ALERTS = "payments.decisions.v1", "payments.alerts.v1"
GATEWAY = "gateway"
KEPT_ALERTS = 50
WAIT_S = 0.2
LATE_MS = 60_000  # the simulator's late events are at least so late


@dataclass
class Seen:
    """What was read since the watch began; written by its thread, read by any.

    Attributes:
        live: decisions on events that came through the gateway since the last `restart`.
        latencies: from the gateway having read the whole request to the decision in a reader's hand; both are
            of this host's clock.
        from_due: from when the event was due to be sent (its event time) to the same; the sender's own delays
            count. Only of events that were not late on purpose.
        first_ms: when the first of them was read; None before.
        alerts: the newest alerts, newest last.
    """

    live: int = 0
    latencies: Latencies = field(default_factory=Latencies)
    from_due: Latencies = field(default_factory=Latencies)
    first_ms: int | None = None
    alerts: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_ALERTS))

    def restart(self) -> None:
        """Begin to count and measure anew."""
        self.live = 0
        self.latencies.reset()
        self.from_due.reset()


class DecisionWatch:
    """Reads from the ends on, in a thread of its own, until `stop`.

    Attributes:
        problem: what went wrong last; None while nothing did.
        ended: whether nothing is read any more, though nobody said `stop`; `problem` says why.
    """

    def __init__(self, platform: Platform, *, flaws: bool = True) -> None:
        """Take the stack, and whether its traffic has events that are late on purpose."""
        self._flaws = flaws
        self.seen = Seen()
        self._platform = platform
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="decisions", daemon=True)
        self.problem: str | None = None
        self.ended = False

    def start(self) -> None:
        """Begin behind what is in the topics now; raises RetryableError when Kafka is away."""
        admin = self._platform.broker.admin()
        partitions = [
            TopicPartition(topic, p)
            for topic, info in admin.topics([DECISIONS, ALERTS]).items()
            for p in range(info.partitions)
        ]
        self._ends = dict(admin.end_offsets(partitions, committed_only=True))
        self._alerts = self._platform.codecs.decoder(ALERTS)
        self._decisions = self._platform.codecs.decoder(DECISIONS)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, if it runs; returns when it has."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        try:
            self._read()
        except Exception as error:  # noqa: BLE001 - the thread's end: who waits for decisions must hear of it
            self.problem = f"decisions are no longer watched, because of {error!r}"
            self.ended = True

    def _read(self) -> None:
        consumer = self._platform.broker.consumer()
        try:
            consumer.assign(self._ends)
            while not self._stopping.is_set():
                try:
                    # One first, then whatever else has come with it: waiting for many would count as latency.
                    records = consumer.consume(1, WAIT_S).records
                    now_ms = time.time_ns() // 1_000_000
                    if records:
                        records += consumer.consume(1000, 0).records
                    self._take(records, now_ms)
                except RetryableError as error:
                    self.problem = str(error)
        finally:
            consumer.close()

    def _take(self, records: Sequence[Record], now_ms: int) -> None:
        for record in records:
            try:
                self._take_one(record, now_ms)
            except DeadLetterError as error:  # this record; the next one may be well
                self.problem = str(error)

    def _take_one(self, record: Record, now_ms: int) -> None:
        if is_heartbeat(record.headers):
            return
        if record.topic == ALERTS:
            self.seen.alerts.append(self._alerts.decode(record.value or b""))
        elif (began_ms := hop_times(record.headers).get(GATEWAY)) is not None:
            self._measure(record, now_ms, began_ms)

    def _measure(self, record: Record, now_ms: int, began_ms: int) -> None:
        seen = self.seen
        seen.live += 1
        seen.first_ms = seen.first_ms or now_ms
        seen.latencies.add(now_ms - began_ms)
        due_ms = self._decisions.decode(record.value or b"")["event_time"]
        if not self._flaws or began_ms - due_ms < LATE_MS:
            seen.from_due.add(now_ms - due_ms)
