"""The real broker: makes librdkafka clients with the settings that the promises rest on."""

import logging

from streamkit.broker import Admin, Consumer, Member, Producer, TransactionalProducer
from streamkit.kafka.admin import KafkaAdmin
from streamkit.kafka.async_producer import AsyncProducer
from streamkit.kafka.consumer import KafkaConsumer
from streamkit.kafka.faults import Refusals
from streamkit.kafka.logs import calm
from streamkit.kafka.producer import KafkaProducer, KafkaTransactionalProducer
from streamkit.kafka.settings import Settings, consumer_settings, producer_settings


def _refusals() -> Refusals:
    return Refusals(lambda message: calm.say(logging.WARNING, message))


class KafkaBroker:
    """Clients of one cluster; `extra` joins every client's settings (security, for example)."""

    def __init__(self, bootstrap_servers: str, extra: Settings | None = None) -> None:
        self._common: Settings = {
            "bootstrap.servers": bootstrap_servers,
            "client.id": "kapstan",
            # A broker that comes back is found again within a second: decisions resume in time.
            "reconnect.backoff.max.ms": 1_000,
            "log_level": 3,
            "logger": calm,
            **(extra or {}),
        }

    def consumer(self, member: Member | None = None) -> Consumer:
        """Return a consumer; one without a member can only `assign`."""
        return KafkaConsumer(consumer_settings(self._common, member), _refusals())

    def producer(self) -> Producer:
        """Return an idempotent producer."""
        return KafkaProducer(producer_settings(self._common, None), _refusals())

    def transactional_producer(self, transactional_id: str) -> TransactionalProducer:
        """Return a producer of transactions; call `init` before the first one."""
        return KafkaTransactionalProducer(producer_settings(self._common, transactional_id), _refusals())

    def async_producer(self, delivery_timeout_s: float, linger_ms: float) -> AsyncProducer:
        """Return an idempotent producer for the running event loop; a batch gathers for `linger_ms`."""
        settings: Settings = {**producer_settings(self._common, None), "linger.ms": linger_ms}
        return AsyncProducer(settings, _refusals(), delivery_timeout_s)

    def admin(self) -> Admin:
        """Return an admin client."""
        return KafkaAdmin(self._common, _refusals())
