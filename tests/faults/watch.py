"""Watches the decisions from beside, to tell when they flow again."""

import threading
import time
from collections import deque

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, TopicPartition

from local.stack import Stack
from tests.faults.log import DECISIONS

_PARTITIONS = 4
_KEPT = 20_000


class Watch:
    """Reads decisions as they come, by a client that is not the product's."""

    def __init__(self, stack: Stack) -> None:
        """Begin at the topic's present end."""
        self._consumer = Consumer(
            {
                "bootstrap.servers": stack.bootstrap_servers,
                "group.id": "fault-suite",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                # A broker that was killed is back long before the default would look for it again (10 s).
                "reconnect.backoff.max.ms": 500,
                "auto.offset.reset": "latest",
                "log_level": 0,  # a broker that was killed is no news here
            }
        )
        self._consumer.assign([TopicPartition(DECISIONS, number) for number in range(_PARTITIONS)])
        self._seen: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._read, name="watch", daemon=True)
        self._thread.start()

    def decided_since(self, ingested_s: float) -> float | None:
        """Return when the first decision was seen on an event that the gateway took after `ingested_s`.

        Both are seconds since the epoch. None as long as there is none.
        """
        times = [seen for ingested, seen in list(self._seen) if ingested > ingested_s]
        return min(times, default=None)

    def close(self) -> None:
        """Stop reading."""
        self._ending.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._ending.is_set():
            for message in self._consumer.consume(200, 0.1):
                if message.error() or "kapstan-heartbeat" in dict(message.headers() or ()):
                    continue
                kind, ingested_ms = message.timestamp()
                now = time.time()
                # A gateway whose clock is ahead says nothing about when it took an event.
                if kind != TIMESTAMP_NOT_AVAILABLE and ingested_ms / 1000 <= now:
                    self._seen.append((ingested_ms / 1000, now))
