"""Whether Kafka answers: what lets the gateway refuse at once instead of making each request wait."""

import asyncio
import logging
from typing import Final, Protocol

from services.ingest_gateway.errors import KAFKA_AWAY, RefusedError
from streamkit.errors import StreamkitError
from streamkit.kafka.async_producer import Outcome, Undelivered

RETRY_AFTER_S: Final = 2
_PROBE_AWAY_S: Final = 1.0
_PROBE_HERE_S: Final = 5.0
_PROBE_TIMEOUT_S: Final = 2.0

_log = logging.getLogger(__name__)


class Probed(Protocol):
    """What is watched; streamkit.kafka.async_producer.AsyncProducer is one."""

    @property
    def stalled_for_s(self) -> float:
        """Seconds for which records have waited without any report."""
        ...

    def probe(self, topic: str, timeout_s: float) -> None:
        """Ask Kafka something; blocks, raises StreamkitError when it does not answer."""
        ...


class Availability:
    """Kafka is away once it has not acknowledged in time or does not answer a probe, until it answers one.

    Starts as away, so that a gateway is ready only when Kafka has answered.
    """

    def __init__(self, producer: Probed, topic: str, stall_s: float) -> None:
        """Watch `producer`, asking about `topic`; silence of `stall_s` while records wait counts as away."""
        self._producer = producer
        self._topic = topic
        self._stall_s = stall_s
        self._away: str | None = "Kafka has not answered yet."

    def problem(self) -> str | None:
        """Return None while Kafka answers, else one sentence (a health check)."""
        if self._away is None and self._producer.stalled_for_s > self._stall_s:
            return f"Kafka has been silent for more than {self._stall_s:g} s while records wait."
        return self._away

    def demand(self) -> None:
        """Raise RefusedError while Kafka is away."""
        problem = self.problem()
        if problem is not None:
            raise RefusedError(
                KAFKA_AWAY,
                problem,
                hint="Nothing was written. Send again after Retry-After seconds.",
                retry_after_s=RETRY_AFTER_S,
            )

    def note(self, outcomes: list[Outcome]) -> None:
        """Learn from what became of a batch: one acknowledged record shows that Kafka is here."""
        if not outcomes or not isinstance(outcomes[-1], Undelivered):
            away = None
        elif all(isinstance(outcome, Undelivered) and outcome.code == "timed_out" for outcome in outcomes):
            away = "Kafka did not acknowledge records in time."
        else:
            return
        self._set(away)

    async def watch(self) -> None:
        """Probe until cancelled: often while Kafka is away, now and then while it is here."""
        while True:
            try:
                await asyncio.to_thread(self._producer.probe, self._topic, _PROBE_TIMEOUT_S)
            except StreamkitError as error:
                self._set(str(error))
            else:
                self._set(None)
            await asyncio.sleep(_PROBE_HERE_S if self.problem() is None else _PROBE_AWAY_S)

    def _set(self, away: str | None) -> None:
        if (self._away is None) != (away is None):
            _log.warning("Kafka: %s", away or "answers again.")
        self._away = away
