"""A running gateway with a topic of each test's own."""

import time

import pytest

from local.services import demo_key
from streamkit.read import read_to_end
from tests.integration.ingest_gateway.doors import Http, Lines, Stream, Unary
from tests.support.applied import Applied
from tests.support.catalogues import entry, event_schema, write
from tests.support.waiting import until

SERVED_WITHIN_S = 10
DEEP = {
    "name": "lines",
    "default": [],
    "type": {
        "type": "array",
        "items": {
            "type": "record",
            "name": "Line",
            "fields": [
                {"name": "sku", "type": "string"},
                {
                    "name": "price",
                    "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
                },
                {"name": "tags", "type": {"type": "map", "values": ["null", "long"]}, "default": {}},
            ],
        },
    },
}


class Shop:
    """A gateway, a topic that was applied while it ran, and what is in Kafka."""

    def __init__(self, parts, folder, name: str):
        self.stack = parts.need("ingest_gateway")
        self.key = demo_key(self.stack)
        self.topic = f"{name}.v1"
        self.applied = Applied(self.stack, folder)
        write(self.applied.schemas, entry(self.topic), event_schema(DEEP))
        self.applied.apply()
        self.doors: dict[str, Http | Unary] = {
            "http": Http(self.stack),
            "ndjson": Lines(self.stack),
            "unary": Unary(self.stack),
            "stream": Stream(self.stack),
        }
        until(self._served, SERVED_WITHIN_S)

    def _served(self):
        return self.doors["http"].send(self.topic, [b"{}"], self.key).code == "results"

    def event(self, number: int, **changes):
        return {"id": f"e{number}", "user": f"u{number}", "at": int(time.time() * 1000), **changes}

    def records(self, topic=None):
        """Every record of a topic with its decoded value."""
        name = topic or self.topic
        decoder = self.applied.codecs().decoder(name)
        return [(r, decoder.decode(r.value or b"")) for r in read_to_end(self.applied.broker, name)]

    def close(self):
        for door in self.doors.values():
            door.close()
        self.applied.close()


@pytest.fixture(scope="module")
def shop(parts, tmp_path_factory):
    shop = Shop(parts, tmp_path_factory.mktemp("shop"), f"shop{int(time.time())}")
    yield shop
    shop.close()
