"""A dead letter and a gateway reject, as they lie in their topics."""

from streamkit.avro import Schema
from streamkit.serde import AvroEncoder

SCHEMA = Schema.of(
    {
        "type": "record",
        "name": "Click",
        "fields": [
            {"name": "id", "type": "string"},
            {
                "name": "user",
                "type": {"type": "record", "name": "User", "fields": [{"name": "age", "type": "int"}]},
            },
            {"name": "tags", "type": {"type": "array", "items": ["null", "string"]}},
        ],
    }
)
VALUE = AvroEncoder(SCHEMA, 7).encode({"id": "w1", "user": {"age": 40}, "tags": ["a", None]})
DEAD = {
    "dead_letter_id": "refiner:clicks.v1@id/2/9",
    "service": "refiner",
    "reason": "undecodable",
    "detail": "The bytes are no Click.",
    "field_path": "/user/age",
    "schema_id": 7,
    "source_topic": "clicks.v1",
    "source_topic_id": "id",
    "source_partition": 2,
    "source_offset": 9,
    "source_key": b"u1",
    "source_value": VALUE[:-5],
    "source_headers": [{"name": "kapstan-tenant", "value": b"acme"}, {"name": "raw", "value": b"\xff"}],
    "traceparent": "00-a-b-01",
    "event_time": 1_790_000_000_000,
}
REJECT = {
    "reject_id": "r1",
    "tenant": "acme",
    "topic": "clicks.v1",
    "reason": "invalid_record",
    "errors": [
        {"pointer": "/id", "expected": "string", "got": "5"},
        {"pointer": "/tags", "expected": "array", "got": "null"},
    ],
    "payload": b'{"id": 5}',
    "event_time": 1_790_000_001_000,
}
