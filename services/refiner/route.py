"""Pure: what is to be done with the records of one source topic, as the catalogue in force says."""

from collections.abc import Mapping
from dataclasses import dataclass

from streamkit.catalogue import Catalogue, Topic
from streamkit.codecs import heartbeat_of
from streamkit.errors import StopError
from streamkit.heartbeat import BuildHeartbeat
from streamkit.serde import AvroDecoder, AvroEncoder, SchemaSource


@dataclass(frozen=True)
class Route:
    """From one source topic to its refined topic: codecs and the names of the fields that matter."""

    source: str
    refined: str
    decoder: AvroDecoder
    encoder: AvroEncoder
    heartbeat: BuildHeartbeat
    key: str
    event_time: str
    event_id: str
    keep_rejects: bool


def routes(catalogue: Catalogue, schemas: SchemaSource) -> Mapping[str, Route]:
    """Return the route of each topic that has a refined form, by source topic.

    Args:
        catalogue: as read from platform.catalogue.v1, so with schema ids.
        schemas: where writer schemas come from; not asked before a record comes.

    Raises:
        StopError: two topics are the refined form of one, or an entry lacks its schema id.
    """
    found: dict[str, Route] = {}
    for topic in catalogue.refined():
        route = _route(topic, catalogue, schemas)
        if other := found.get(route.source):
            raise StopError(
                f"{other.refined} and {route.refined} both say that they refine {route.source}.",
                hint="Change refined_from in one of their catalogue files and run `kapstan topics apply`.",
            )
        found[route.source] = route
    return found


def _route(topic: Topic, catalogue: Catalogue, schemas: SchemaSource) -> Route:
    spec = topic.spec
    source = catalogue.get(spec.refined_from or "")
    if topic.schema_id is None or spec.refined_from is None or spec.event_id is None:
        raise StopError(
            f"The catalogue entry of {topic.name} is not complete.", hint="Run `kapstan topics apply`."
        )
    encoder = AvroEncoder(topic.schema, topic.schema_id)
    return Route(
        source=spec.refined_from,
        refined=topic.name,
        decoder=AvroDecoder(schemas, topic.schema),
        encoder=encoder,
        heartbeat=heartbeat_of(topic, encoder),
        key=spec.key,
        event_time=spec.event_time,
        event_id=spec.event_id,
        keep_rejects=source is None or source.spec.rejects == "keep",
    )
