"""Send live traffic on an open-loop schedule: when an event is due does not depend on earlier answers."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from payments.simulator import Arrival, Flaw
from traffic.ledger import Ack, Ledger
from traffic.senders import AwayError, Refusal, Sender, send_until_answered

MOST_WAITING = 20_000
"""Events sent or being retried at once; beyond it the schedule waits, rather than fill the memory."""


@dataclass(slots=True)
class Tally:
    """What became of the traffic so far; `events` counts by (topic, sender, what became of it)."""

    events: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    retries: int = 0
    waiting: int = 0
    most_late_ms: int = 0  # how late the sender itself was at worst: beyond some ms its load is not open-loop
    problem: str = ""

    def total(self, outcome: str) -> int:
        """Events with this outcome, over all topics and senders."""
        return sum(count for (_, _, each), count in self.events.items() if each == outcome)

    def line(self) -> dict[str, object]:
        """The tally as one JSON object, for whoever started this process."""
        by_topic: dict[str, int] = {}
        for (topic, _, _), count in self.events.items():
            by_topic[topic] = by_topic.get(topic, 0) + count
        return {
            "acknowledged": self.total("acknowledged"),
            "refused": self.total("refused"),
            "unexpected": self.total("unexpected"),
            "by_topic": by_topic,
            "retries": self.retries,
            "waiting": self.waiting,
            "most_late_ms": self.most_late_ms,
            "problem": self.problem,
        }


class LiveTraffic:
    """Sends arrivals, each when it is due, through the senders in turn."""

    def __init__(
        self,
        senders: Sequence[Sender],
        ledger: Ledger,
        event_ids: dict[str, str],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Take the ways to the gateway, the ledger and the name of the event-id field by topic."""
        self._senders = senders
        self._ledger = ledger
        self._event_ids = event_ids
        self._now_ms = now_ms
        self._tasks: set[asyncio.Task[None]] = set()
        self.tally = Tally()

    async def run(self, arrivals: Iterator[Arrival], until_ms: float) -> None:
        """Send what is due before `until_ms` (event time and clock are one); returns when all is answered.

        Cancelled, it gives up what is not answered yet: those events were not acknowledged.
        """
        turn = 0
        try:
            for arrival in arrivals:
                if arrival.due_ms >= until_ms:
                    await self._sleep_until(until_ms)
                    break
                await self._sleep_until(arrival.due_ms)
                while len(self._tasks) >= MOST_WAITING:
                    await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
                self._start(self._senders[turn % len(self._senders)], arrival)
                turn += 1
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()

    async def _sleep_until(self, due_ms: float) -> None:
        if (left_ms := due_ms - self._now_ms()) > 0:
            await asyncio.sleep(left_ms / 1000)

    def _start(self, sender: Sender, arrival: Arrival) -> None:
        sent_ms = self._now_ms()
        self.tally.most_late_ms = max(self.tally.most_late_ms, sent_ms - arrival.due_ms)
        task = asyncio.ensure_future(self._send(sender, arrival, sent_ms))
        self._tasks.add(task)
        self.tally.waiting = len(self._tasks)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.tally.waiting = len(self._tasks)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.tally.problem = f"{type(error).__name__}: {error}"

    async def _send(self, sender: Sender, arrival: Arrival, sent_ms: int) -> None:
        answer = await send_until_answered(sender, arrival.topic, arrival.value, on_retry=self._retried)
        if isinstance(answer, Ack):
            event_id = str(arrival.value[self._event_ids[arrival.topic]])
            self._ledger.add(arrival.topic, answer, event_id, sent_ms)
        outcome = outcome_of(answer, arrival)
        self.tally.events[arrival.topic, sender.name, outcome] += 1
        if outcome == "unexpected":
            self.tally.problem = str(answer)

    def _retried(self, error: AwayError) -> None:
        self.tally.retries += 1
        self.tally.problem = str(error)


def outcome_of(answer: Ack | Refusal, arrival: Arrival) -> str:
    """`acknowledged`, `refused` (malformed on purpose), or `unexpected` when it is the other way round."""
    malformed = arrival.flaw is Flaw.MALFORMED
    if isinstance(answer, Refusal):
        return "refused" if malformed else "unexpected"
    return "unexpected" if malformed else "acknowledged"
