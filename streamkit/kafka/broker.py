"""The real broker: makes librdkafka clients with the settings that the promises rest on."""

import logging
from typing import TypeVar
from weakref import WeakSet

from streamkit.aside import Ask, in_a_thread
from streamkit.broker import Admin, Consumer, Member, Producer, TransactionalProducer
from streamkit.kafka.admin import KafkaAdmin
from streamkit.kafka.async_producer import AsyncProducer
from streamkit.kafka.consumer import KafkaConsumer
from streamkit.kafka.faults import Refusals
from streamkit.kafka.logs import calm
from streamkit.kafka.producer import KafkaProducer, KafkaTransactionalProducer
from streamkit.kafka.settings import Settings, consumer_settings, producer_settings

Client = TypeVar("Client", KafkaConsumer, KafkaProducer, KafkaTransactionalProducer, KafkaAdmin)


def _refusals() -> Refusals:
    return Refusals(lambda message: calm.say(logging.WARNING, message))


class KafkaBroker:
    """Clients of one cluster; `extra` joins every client's settings (security, for example)."""

    def __init__(self, bootstrap_servers: str, extra: Settings | None = None) -> None:
        # A client that nobody closes goes on asking for its broker as long as it exists.
        self._made: WeakSet[KafkaConsumer | KafkaProducer | KafkaAdmin] = WeakSet()
        self._common: Settings = {
            "bootstrap.servers": bootstrap_servers,
            "client.id": "kapstan",
            # A broker that comes back is found again within a second: decisions resume in time.
            "reconnect.backoff.max.ms": 1_000,
            "log_level": 3,
            "logger": calm,
            **(extra or {}),
        }

    def consumer(self, member: Member | None = None, gather_ms: int = 0) -> Consumer:
        """Return a consumer; one without a member can only `assign`."""
        return self._kept(KafkaConsumer(consumer_settings(self._common, member, gather_ms), _refusals()))

    def producer(self) -> Producer:
        """Return an idempotent producer."""
        return self._kept(KafkaProducer(producer_settings(self._common, None), _refusals()))

    def transactional_producer(self, transactional_id: str) -> TransactionalProducer:
        """Return a producer of transactions; call `init` before the first one."""
        settings = producer_settings(self._common, transactional_id)
        return self._kept(KafkaTransactionalProducer(settings, _refusals()))

    def async_producer(self, delivery_timeout_s: float, linger_ms: float) -> AsyncProducer:
        """Return an idempotent producer for the running event loop; a batch gathers for `linger_ms`."""
        settings: Settings = {**producer_settings(self._common, None), "linger.ms": linger_ms}
        return AsyncProducer(settings, _refusals(), delivery_timeout_s)

    def admin(self) -> Admin:
        """Return an admin client."""
        return self._kept(KafkaAdmin(self._common, _refusals()))

    @property
    def ask(self) -> Ask:
        """Run questions in threads of their own."""
        return in_a_thread

    def close(self) -> None:
        """Close the clients that their users left open, except those for asyncio; may block a second each."""
        for client in list(self._made):
            client.close()

    def _kept(self, client: Client) -> Client:
        self._made.add(client)
        return client
