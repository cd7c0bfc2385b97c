"""The log that the windows read: records of the topics that the shipped declarations name."""

import random
from collections.abc import Iterator
from typing import Any, Final

from streamkit.codecs import Codecs
from streamkit.kafka.broker import KafkaBroker
from streamkit.serde import minimal_record

START: Final = 1_790_000_000_000
CATEGORIES: Final = 12
KEYS: Final = 5_000
_APART_MS: Final = {"payments.decisions.v1": 50, "web.clicks.refined.v1": 400}
"""Event time between two records: some hundred windows of a minute, and sessions that end."""


def values(topic: str, blank: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
    """Yield so many values of a topic from its smallest one, the same ones each time."""
    chance = random.Random(1)
    for n in range(number):
        at = {"event_time": START + n * _APART_MS[topic]}
        if topic.startswith("web."):
            key = {"user_id": f"c{chance.randrange(KEYS):06d}", "page": f"/p/{chance.randrange(40)}"}
            yield blank | key | at | {"click_id": f"k{n:09d}", "product_id": f"p{chance.randrange(2000)}"}
        else:
            outcome = "DECLINE" if chance.random() < 0.02 else "APPROVE"
            seen = {"category": f"category{chance.randrange(CATEGORIES)}", "outcome": outcome}
            money = {"currency": "EUR", "amount_minor": chance.randrange(10_000)}
            yield blank | seen | money | at | {"customer_id": f"c{chance.randrange(KEYS):06d}"}


def load(broker: KafkaBroker, codecs: Codecs, schema: Any, topic: str, key: str, number: int) -> None:
    """Write so many records to a topic, ingested now: retention would delete what seems old. Blocks."""
    encode = codecs.encoder(topic).encode
    producer = broker.producer()
    for value in values(topic, minimal_record(schema, "event_time", START), number):
        producer.send(topic, value[key].encode(), encode(value))
    producer.flush(120)
    producer.close()
