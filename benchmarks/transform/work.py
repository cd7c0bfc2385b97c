"""The work that each engine does: decode 12 Avro fields, count and add up per key, encode 12 fields.

Imports nothing but fastavro, so that it runs in each engine's own environment.
"""

import io
import random
import struct
from collections.abc import Iterator
from typing import Any, Final

import fastavro

_COMMON: Final = (
    ("transaction_id", "string"),
    ("tenant", "string"),
    ("customer_id", "string"),
    ("card_id", "string"),
    ("terminal_id", "string"),
    ("amount_minor", "long"),
    ("currency", "string"),
    ("entry_mode", "string"),
    ("event_time", "long"),
    ("latitude", "double"),
)
_PREFIX: Final = b"\0\0\0\0\1"
_STATE: Final = struct.Struct(">qq")
CUSTOMERS: Final = 5_000


def _schema(name: str, *more: tuple[str, str]) -> Any:
    fields = [{"name": field, "type": kind} for field, kind in (*_COMMON, *more)]
    return fastavro.parse_schema({"type": "record", "name": name, "fields": fields})


_INPUT: Final = _schema("Input", ("longitude", "double"), ("online", "boolean"))
_OUTPUT: Final = _schema("Output", ("count", "long"), ("total_minor", "long"))


def events(number: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, value) of so many events, the same ones each time."""
    chance = random.Random(1)
    for n in range(number):
        customer = f"c{chance.randrange(CUSTOMERS):06d}"
        out = io.BytesIO()
        out.write(_PREFIX)
        event = {
            "transaction_id": f"tx{n:09d}",
            "tenant": "default",
            "customer_id": customer,
            "card_id": f"k{customer[1:]}",
            "terminal_id": f"t{chance.randrange(10_000):06d}",
            "amount_minor": chance.randrange(10_000),
            "currency": "EUR",
            "entry_mode": "CHIP",
            "event_time": 1_700_000_000_000 + n,
            "latitude": chance.uniform(0, 100),
            "longitude": chance.uniform(0, 100),
            "online": False,
        }
        fastavro.schemaless_writer(out, _INPUT, event)
        yield customer.encode(), out.getvalue()


def process(value: bytes, state: bytes | None) -> tuple[bytes, bytes, bytes]:
    """Return (state of the key after this event, key of the output, value of the output)."""
    event: Any = fastavro.schemaless_reader(io.BytesIO(value[len(_PREFIX) :]), _INPUT, None)
    count, total = _STATE.unpack(state) if state is not None else (0, 0)
    count, total = count + 1, total + event["amount_minor"]
    event["count"], event["total_minor"] = count, total
    out = io.BytesIO()
    out.write(_PREFIX)
    fastavro.schemaless_writer(out, _OUTPUT, event)
    return _STATE.pack(count, total), event["terminal_id"].encode(), out.getvalue()
