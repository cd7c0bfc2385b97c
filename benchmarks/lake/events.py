"""The rows of the benchmark: 12 Avro fields, the same ones each time."""

import random
from collections.abc import Iterator
from typing import Final

from streamkit.avro import Schema
from streamkit.serde import AvroEncoder

_FIELDS: Final = (
    ("transaction_id", "string"),
    ("tenant", "string"),
    ("customer_id", "string"),
    ("card_id", "string"),
    ("terminal_id", "string"),
    ("amount_minor", "long"),
    ("currency", "string"),
    ("entry_mode", {"type": "enum", "name": "Mode", "symbols": ["CHIP", "CONTACTLESS"]}),
    ("event_time", {"type": "long", "logicalType": "timestamp-millis"}),
    ("latitude", "double"),
    ("longitude", "double"),
    ("online", "boolean"),
)
SCHEMA: Final = Schema(
    {"type": "record", "name": "Event", "fields": [{"name": name, "type": kind} for name, kind in _FIELDS]}
)


def events(number: int, schema_id: int, now_ms: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, value) of so many events, in the wire format of the log."""
    encode = AvroEncoder(SCHEMA, schema_id).encode
    chance = random.Random(1)
    for n in range(number):
        customer = chance.randrange(5_000)
        event = {
            "transaction_id": f"tx{n:09d}",
            "tenant": "default",
            "customer_id": f"c{customer:06d}",
            "card_id": f"k{customer:06d}",
            "terminal_id": f"t{chance.randrange(10_000):06d}",
            "amount_minor": chance.randrange(10_000),
            "currency": "EUR",
            "entry_mode": "CHIP",
            "event_time": now_ms + n,
            "latitude": chance.uniform(0, 100),
            "longitude": chance.uniform(0, 100),
            "online": False,
        }
        yield f"c{customer:06d}".encode(), encode(event)
