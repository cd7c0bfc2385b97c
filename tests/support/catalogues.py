"""Catalogues for tests: small ones made here, and the project's own files."""

import json
from pathlib import Path

import yaml

SCHEMAS = Path(__file__).parents[2] / "schemas"

EVENT_FIELDS = [
    {"name": "id", "type": "string"},
    {"name": "tenant", "type": "string", "default": "default"},
    {"name": "user", "type": "string"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
]


def event_schema(*more, name="Event"):
    """The definition of an event with the usual four fields and more of them."""
    return {"type": "record", "name": name, "namespace": "tests", "fields": [*EVENT_FIELDS, *more]}


def entry(topic, **changes):
    """The data of a topic's catalogue file."""
    return {
        "topic": topic,
        "owner": "tests",
        "description": "A topic.",
        "schema_file": f"{topic}.avsc",
        "key": "user",
        "event_time": "at",
        "event_id": "id",
        "partitions": 2,
        "retention": "7d",
        "cleanup": "delete",
        "compatibility": "BACKWARD",
        "producers": ["ingest_gateway"],
        "consumers": ["lake_sink"],
        "ingest": True,
        "bronze": True,
        **changes,
    }


def refined_entry(topic, source, **changes):
    """The data of a refined topic's catalogue file."""
    return entry(topic, producers=["refiner"], ingest=False, refined_from=source, **changes)


def write(folder, data, schema=None):
    """Write one topic's two files into a folder of schemas."""
    for name in ("topics", "avro"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(data, sort_keys=False)
    (folder / "topics" / f"{data['topic']}.yaml").write_text(text)
    (folder / "avro" / data["schema_file"]).write_text(json.dumps(schema or event_schema()))
    return folder
