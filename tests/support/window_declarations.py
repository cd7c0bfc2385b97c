"""Declarations of windows over a topic of orders, and the topic itself."""

from flink_jobs.windows.bind import bind
from flink_jobs.windows.declaration import WindowDeclaration
from streamkit.topic_spec import TopicSpec
from tests.support.catalogues import entry, event_schema

TUMBLE = {"type": "tumble", "size": "1m"}
HOP = {"type": "hop", "size": "5m", "slide": "1m"}
SESSION = {"type": "session", "gap": "30m"}


def declaration(**changes):
    """The data of a declaration file."""
    return {
        "window": "sales",
        "owner": "tests",
        "description": "Sales.",
        "topic": "orders.refined.v1",
        "keys": ["category", "currency"],
        "assign": TUMBLE,
        "aggregates": {
            "orders": {"function": "count"},
            "amount_minor": {"function": "sum", "field": "amount_minor"},
        },
        "out_of_orderness": "5s",
        "lateness": "5m",
        "checkpoint_interval": "1m",
        **changes,
    }


SCHEMA = event_schema(
    {"name": "category", "type": ["null", "string"], "default": None},
    {"name": "currency", "type": "string"},
    {"name": "amount_minor", "type": "long"},
    {"name": "outcome", "type": {"type": "enum", "name": "Outcome", "symbols": ["APPROVE", "DECLINE"]}},
    {"name": "score", "type": "double"},
    {"name": "tags", "type": {"type": "array", "items": "string"}},
)
SPEC = TopicSpec(**entry("orders.refined.v1", producers=["tests"], ingest=False))


def declared(**changes):
    """A declaration."""
    return WindowDeclaration.model_validate(declaration(**changes))


def bound(**changes):
    """A declaration with the fields that it reads."""
    return bind(declared(**changes), SPEC, SCHEMA)
