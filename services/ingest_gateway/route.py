"""What the gateway has to know to write one topic, made once from its catalogue entry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from services.ingest_gateway import temporal
from services.ingest_gateway.encode import Encoder, compile_encoder
from services.ingest_gateway.errors import (
    STARTING,
    UNKNOWN_TOPIC,
    UNUSABLE_SCHEMA,
    BadSchemaError,
    RefusedError,
)
from services.ingest_gateway.schema import Leaf, Node, Record, parse
from streamkit.catalogue import Topic
from streamkit.outputs import qualified

TENANT_FIELD = "tenant"
"""The field that says whose event it is, in every schema that has one."""


@dataclass(frozen=True, slots=True)
class Route:
    """A topic that takes events; `micros_per_tick` is the unit of its event time as a number."""

    topic: str
    kafka_topic: str
    schema_id: int
    node: Record
    encode: Encoder
    key_field: str
    id_field: str
    time_field: str
    micros_per_tick: int
    has_tenant: bool
    keep_rejects: bool

    def event_ms(self, value: object) -> int:
        """Return the event time of a field's value, milliseconds since the epoch; raises MisfitError."""
        micros = temporal.micros_of_timestamp(value) if isinstance(value, str) else None
        if micros is None:
            return int(value) * self.micros_per_tick // 1000  # type: ignore[call-overload, no-any-return]
        return micros // 1000


def route_of(topic: Topic, schema_id: int, namespace: str) -> Route:
    """Compile the route of a topic.

    Args:
        topic: its catalogue entry.
        schema_id: the registry's id of its schema, written before each record (Confluent wire format).
        namespace: prefix of the topic in Kafka; empty for the live system.

    Raises:
        BadSchemaError: the schema cannot be used, or does not have the fields that the entry names.
    """
    node = parse(topic.schema.definition)
    if not isinstance(node, Record):
        raise BadSchemaError(f"The schema of {topic.name} is no record", topic=topic.name)
    types = {field.name: field.type for field in node.fields}
    spec = topic.spec
    named = {"key": spec.key, "event_time": spec.event_time, "event_id": spec.event_id or ""}
    for role, name in named.items():
        if name not in types:
            raise BadSchemaError(
                f"The schema of {topic.name} has no field {name!r}, its {role}", topic=topic.name
            )
    return Route(
        topic=topic.name,
        kafka_topic=qualified(namespace, topic.name),
        schema_id=schema_id,
        node=node,
        encode=compile_encoder(node, b"\0" + schema_id.to_bytes(4, "big")),
        key_field=spec.key,
        id_field=named["event_id"],
        time_field=spec.event_time,
        micros_per_tick=_micros_per_tick(types[spec.event_time]),
        has_tenant=TENANT_FIELD in types,
        keep_rejects=spec.rejects == "keep",
    )


def _micros_per_tick(node: Node) -> int:
    micros = isinstance(node, Leaf) and node.logical is not None and node.logical.endswith("micros")
    return 1 if micros else 1000


@dataclass(frozen=True, slots=True)
class RouteTable:
    """The routes in force, and why other topics of the catalogue that take events have none.

    Nothing is `known` until the catalogue has been read: then no topic may be called unknown.
    """

    routes: Mapping[str, Route]
    unusable: Mapping[str, str]
    known: bool = True

    def find(self, topic: str) -> Route:
        """Return the route of a topic; raises RefusedError, with near names when there is none such."""
        route = self.routes.get(topic)
        if route is not None:
            return route
        if topic in self.unusable:
            raise RefusedError(
                UNUSABLE_SCHEMA,
                f"{topic} takes no events for now: {self.unusable[topic]}",
                hint="The operator has to mend its schema or its catalogue entry.",
                retry_after_s=30,
            )
        if not self.known:
            raise RefusedError(
                STARTING,
                "The gateway has not read the catalogue yet.",
                hint="Nothing was written. Send again after Retry-After seconds.",
                retry_after_s=1,
            )
        raise RefusedError(UNKNOWN_TOPIC, f"No topic {topic[:200]!r} takes events.", hint=self._near(topic))

    def _near(self, topic: str) -> str:
        near = near_names(topic, self.routes)
        if near:
            return f"Did you mean {' or '.join(near)}?"
        return "GET /v1/topics lists those that do."


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three known names that are like this one, the nearest first."""
    return get_close_matches(name[:200], list(known), n=3, cutoff=0.6)
