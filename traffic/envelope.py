"""How an event becomes a record: what the gateway does, for events that do not come through it."""

from typing import Any

from streamkit import headers as names
from streamkit.catalogue import Topic
from streamkit.serde import AvroEncoder


class Envelope:
    """Wraps the events of one topic."""

    def __init__(self, topic: Topic, schema_id: int) -> None:
        """Take the catalogue's topic and the id of its schema in the registry."""
        event_id = topic.spec.event_id
        if event_id is None:
            raise ValueError(f"{topic.name} has no event id, so its events are not for producers")
        self._encode = AvroEncoder(topic.schema, schema_id).encode
        self._key = topic.spec.key
        self._event_id = event_id

    def wrap(self, value: dict[str, Any], ingest_ms: int) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
        """Key, value and headers of an event of the history; raises DeadLetterError when it does not fit."""
        return (
            value[self._key].encode(),
            self._encode(value),
            [
                (names.EVENT_ID, value[self._event_id].encode()),
                (names.INGEST_MS, b"%d" % ingest_ms),
                (names.TENANT, value["tenant"].encode()),
                (names.ORIGIN, names.ORIGIN_HISTORY),
            ],
        )
