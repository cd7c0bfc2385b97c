"""Publishes one record to a topic of the platform's own, unless it is in force already."""

from collections.abc import Mapping
from typing import Any

from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.errors import DeadLetterError
from streamkit.headers import is_heartbeat
from streamkit.read import read_to_end
from streamkit.topics_apply import Platform

_FLUSH_TIMEOUT_S = 20.0


def publish(platform: Platform, catalogue: Catalogue, topic: str, value: Mapping[str, Any]) -> bool:
    """Write `value` as the newest record of a topic with one partition; False when it is that already.

    Two records are the same when their event ids are. Blocks.

    Raises:
        RetryableError: Kafka or the registry is away, or the topic's schema is not registered.
    """
    codecs, spec = Codecs(catalogue, platform.registry), catalogue[topic].spec
    identity = spec.event_id or spec.key
    if in_force(platform, codecs, topic, identity) == value[identity]:
        return False
    producer = platform.broker.producer()
    try:
        encoded, key = codecs.encoder(topic).encode(dict(value)), str(value[spec.key]).encode()
        producer.send(topic, key, encoded, timestamp_ms=value[spec.event_time], partition=0)
        producer.flush(_FLUSH_TIMEOUT_S)
    finally:
        producer.close()
    return True


def in_force(platform: Platform, codecs: Codecs, topic: str, identity: str) -> Any:
    """The field `identity` of the topic's newest readable record; None when there is none. Blocks."""
    decoder = codecs.decoder(topic)
    newest = None
    for record in read_to_end(platform.broker, topic, platform.clock):
        if record.value is None or is_heartbeat(record.headers):
            continue
        try:
            newest = decoder.decode(record.value)[identity]
        except DeadLetterError:
            continue  # the services put it aside as well
    return newest
