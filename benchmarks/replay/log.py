"""The log that is replayed: side inputs and transactions of the simulated world, written in bulk."""

import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, Self

from benchmarks.steps.world import MODELS, PER_DAY, RULES, Inputs
from local.services import apply_topics
from local.stack import Stack
from payments.simulator import FRAUD_REPORTS, HISTORY_DAYS, TRANSACTIONS, Arrival
from streamkit.clock import SystemClock
from streamkit.headers import HOPS
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient
from streamkit.topics_apply import Platform

CDC: Final = ("cdc.bank.customers", "cdc.bank.cards", "cdc.bank.terminals")
_FLUSH_S: Final = 120.0


class Log:
    """Writes what producers, Debezium and operators would, past the gateway; close it."""

    def __init__(self, stack: Stack, transactions: int) -> None:
        """Make the topics, on a stack with Kafka and the registry; blocks."""
        apply_topics(stack)
        broker = KafkaBroker(stack.bootstrap_servers)
        registry = RegistryClient(stack.registry_url)
        self.platform = Platform(broker, broker.admin(), registry, SystemClock())
        self._days = transactions // PER_DAY[TRANSACTIONS] + 2
        self._transactions = transactions
        self.inputs = Inputs(registry, now_ms(), max(self._days, HISTORY_DAYS))
        self._producer = broker.producer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close()
        self.platform.registry.close()

    def begin(self) -> None:
        """Write the bank's rows, the rules and a model; blocks."""
        for topic in (*CDC, RULES, MODELS):
            self.put(topic, *self.inputs.rows(topic))

    def put(self, topic: str, *values: Mapping[str, Any]) -> None:
        """Write values of a topic, ingested now; blocks until they are stored."""
        self._queue(topic, values)
        self._producer.flush(_FLUSH_S)

    def pieces(self, size: int) -> Iterator[int]:
        """Write the transactions, and the reports of frauds among them when they came, `size` at a time.

        Yields how many transactions are stored by then.
        """
        wanted = (a for a in self.inputs.arrivals(self._days) if a.topic in (TRANSACTIONS, FRAUD_REPORTS))
        written = 0
        while piece := list(islice(wanted, size)):
            reports = [a.value for a in piece if a.topic == FRAUD_REPORTS]
            payments = _values(piece, TRANSACTIONS)[: self._transactions - written]
            self._queue(FRAUD_REPORTS, reports)
            self.put(TRANSACTIONS, *payments)
            written += len(payments)
            yield written
            if written == self._transactions:
                return

    def _queue(self, topic: str, values: Iterator[Mapping[str, Any]] | Any) -> None:
        at_ms = now_ms()
        hops = (HOPS, b"gateway=%d" % at_ms)
        for record in self.inputs.records(topic, values, at_ms):
            self._producer.send(topic, record.key, record.value, [*record.headers, hops], at_ms)


def now_ms() -> int:
    """Return milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def _values(piece: list[Arrival], topic: str) -> list[dict[str, Any]]:
    return [arrival.value for arrival in piece if arrival.topic == topic]
