"""The real broker: makes librdkafka clients with the settings that the promises rest on."""

import logging
from typing import TypeVar
from weakref import WeakSet

from streamkit.aside import Ask, in_a_thread
from streamkit.broker import Admin, Consumer, Member, Producer, TransactionalProducer
from streamkit.errors import StopError
from streamkit.kafka.admin import KafkaAdmin
from streamkit.kafka.async_producer import AsyncProducer
from streamkit.kafka.cluster import Cluster
from streamkit.kafka.consumer import KafkaConsumer
from streamkit.kafka.faults import Refusals
from streamkit.kafka.logs import calm
from streamkit.kafka.producer import KafkaProducer
from streamkit.kafka.settings import COMMIT_TIMEOUT_S, Settings, consumer_settings, producer_settings
from streamkit.kafka.transactions import KafkaTransactionalProducer

Client = TypeVar("Client", KafkaConsumer, KafkaProducer, KafkaTransactionalProducer, KafkaAdmin)


def _refusals() -> Refusals:
    return Refusals(lambda message: calm.say(logging.WARNING, message))


class KafkaBroker:
    """Clients of one cluster; `extra` joins every client's settings (security, for example)."""

    def __init__(self, bootstrap_servers: str, extra: Settings | None = None) -> None:
        # A client that nobody closes goes on asking for its broker as long as it exists.
        self._made: WeakSet[KafkaConsumer | KafkaProducer | KafkaTransactionalProducer | KafkaAdmin] = (
            WeakSet()
        )
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
        return self._kept(KafkaProducer(producer_settings(self._common), _refusals()))

    def transactional_producer(self, transactional_id: str) -> TransactionalProducer:
        """Return a producer of transactions; call `init` before the first one.

        Raises StopError for a cluster that asks for TLS or a login: `streamkit.kafka.wire` speaks neither.
        """
        protocol = str(self._common.get("security.protocol", "plaintext"))
        if protocol.lower() != "plaintext":
            raise StopError(
                f"transactions over {protocol} are not supported yet", hint="Give them a plaintext listener"
            )
        cluster = Cluster(
            str(self._common["bootstrap.servers"]), str(self._common["client.id"]), COMMIT_TIMEOUT_S
        )
        return self._kept(KafkaTransactionalProducer(cluster, transactional_id))

    def async_producer(self, delivery_timeout_s: float, linger_ms: float) -> AsyncProducer:
        """Return an idempotent producer for the running event loop; a batch gathers for `linger_ms`."""
        settings: Settings = {**producer_settings(self._common), "linger.ms": linger_ms}
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
