"""A gateway without Kafka: what it writes is kept in a list, what Kafka answers is up to the test."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.ingest_gateway.admit import Budget
from services.ingest_gateway.authorize import KeyRing
from services.ingest_gateway.availability import Availability
from services.ingest_gateway.config import GatewaySettings
from services.ingest_gateway.follow import Routes
from services.ingest_gateway.intake import Intake
from services.ingest_gateway.publish import Publisher
from streamkit.avro import Schema
from streamkit.catalogue import Catalogue, Topic
from streamkit.errors import RetryableError
from streamkit.topic_spec import TopicSpec

NOW = 1_790_000_000_000
REPO = Path(__file__).parents[4]
ORDERS = "shop.orders.v1"
ORDER_SCHEMA = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "order_id", "type": "string"},
        {"name": "tenant", "type": "string", "default": "default"},
        {"name": "buyer", "type": "string"},
        {"name": "amount", "type": "long"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}
GOOD = {"order_id": "o1", "buyer": "b1", "amount": 5, "at": NOW}


def orders(schema: Any = None, schema_id: int | None = 7, **changes: Any) -> Topic:
    spec = {
        "topic": ORDERS, "owner": "shop", "description": "Orders.", "schema_file": "orders.avsc",
        "key": "buyer",
        "event_time": "at", "event_id": "order_id", "partitions": 4, "retention": "7d", "cleanup": "delete",
        "compatibility": "BACKWARD", "producers": ["ingest_gateway"], "consumers": [], "ingest": True,
        "bronze": True,
    }  # fmt: skip
    return Topic(TopicSpec(**{**spec, **changes}), Schema.of(schema or ORDER_SCHEMA), schema_id)


def rejects_topic() -> Topic:
    declared = Catalogue.load(REPO / "schemas")["platform.gateway-rejects.v1"]
    return Topic(declared.spec, declared.schema, 3)


class FixedClock:
    def now_ms(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here sleeps")


@dataclass
class FakeKafka:
    """Takes batches; answers them at once unless `held`, with `outcome` instead of a place when it is set."""

    stalled_for_s: float = 0.0
    held: bool = False
    outcome: Any = None
    away: str | None = None
    sent: list[tuple[str, Any, int]] = field(default_factory=list)
    futures: list[asyncio.Future[list[Any]]] = field(default_factory=list)

    def send(self, topic: str, messages: Any, timestamp_ms: int) -> "asyncio.Future[list[Any]]":
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        first = len(self.records(topic))
        self.sent.append((topic, list(messages), timestamp_ms))
        self.futures.append(future)
        if not self.held:
            future.set_result([self.outcome or (0, first + i) for i in range(len(messages))])
        return future

    def probe(self, topic: str, timeout_s: float) -> None:
        if self.away is not None:
            raise RetryableError(self.away)

    def records(self, topic: str) -> list[Any]:
        return [message for name, messages, _ in self.sent if name == topic for message in messages]


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop run until something is so; fails after ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)


@dataclass
class World:
    kafka: FakeKafka
    routes: Routes
    availability: Availability
    intake: Intake
    settings: GatewaySettings


def settings(**changes: Any) -> GatewaySettings:
    fixed = {
        "bootstrap_servers": "k:1", "registry_url": "http://r", "http_port": 0, "grpc_port": 0,
        "api_keys_file": Path("keys.json"),
    }  # fmt: skip
    return GatewaySettings(**{**fixed, **changes})


def keys() -> KeyRing:
    entries = [
        {"name": "all", "sha256": hashlib.sha256(b"secret").hexdigest()},
        {"name": "clicks", "sha256": hashlib.sha256(b"clicks").hexdigest(), "topics": ["web.*"]},
        {"name": "acme", "sha256": hashlib.sha256(b"acme").hexdigest(), "tenant": "acme"},
    ]
    return KeyRing.parse(json.dumps({"keys": entries}))


def world(*topics: Topic, **changes: Any) -> World:
    kafka, chosen = FakeKafka(), settings(**changes)
    routes = Routes("", lambda topic: topic.schema_id or 1)
    routes.update(Catalogue.of(topics or (orders(), rejects_topic())))
    availability = Availability(kafka, "t", chosen.stall_s)
    availability.note([(0, 0)])
    publisher = Publisher(kafka, availability, chosen, FixedClock(), lambda: routes.reject_store)
    intake = Intake(keys(), routes, availability, Budget(chosen.max_inflight_bytes), publisher)
    return World(kafka, routes, availability, intake, chosen)
