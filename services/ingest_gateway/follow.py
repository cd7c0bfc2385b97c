"""Keep the routes as the catalogue in force says: made again when an entry changes, kept when that fails."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from services.ingest_gateway import reject
from services.ingest_gateway.errors import BadSchemaError
from services.ingest_gateway.metrics import GatewayMetrics
from services.ingest_gateway.publish import RejectStore
from services.ingest_gateway.route import Route, RouteTable, route_of
from streamkit.catalogue import Catalogue, Topic
from streamkit.errors import RetryableError, StreamkitError
from streamkit.outputs import qualified
from streamkit.serde import AvroEncoder

SchemaId = Callable[[Topic], int]
"""Returns the registry's id of a topic's schema; may block, raises RetryableError when there is none yet."""

_PERIOD_S: Final = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Made:
    """A route and the entry that it was made from."""

    topic: Topic
    route: Route


class Routes:
    """The table in force. Read from the event loop; `update` runs in a thread and replaces it as a whole."""

    def __init__(self, namespace: str, schema_id: SchemaId) -> None:
        self._namespace = namespace
        self._schema_id = schema_id
        self._made: dict[str, _Made] = {}
        self._store_topic: Topic | None = None
        self.table = RouteTable({}, {}, known=False)
        self.reject_store: RejectStore | None = None

    def problem(self) -> str | None:
        """Return None when at least one topic takes events and rejects can be kept (a health check)."""
        if not self.table.routes:
            return "No topic takes events: the catalogue in force has none with `ingest: true`."
        return None if self.reject_store is not None else f"{reject.TOPIC} is not in the catalogue in force."

    def update(self, catalogue: Catalogue) -> bool:
        """Bring the table up to a catalogue; return whether all of it could be used.

        Blocks on the registry for entries without a schema id. A route whose entry cannot be used any more
        stays as it was: producers who were right yesterday are not refused for an operator's mistake.
        """
        made, unusable, complete = self._routes(catalogue.ingestible())
        self._made = made
        self.table = RouteTable({name: each.route for name, each in made.items()}, unusable)
        GatewayMetrics.routes_count.set(len(made))
        return self._update_store(catalogue) and complete

    def _routes(self, topics: Iterable[Topic]) -> tuple[dict[str, _Made], Mapping[str, str], bool]:
        made: dict[str, _Made] = {}
        unusable: dict[str, str] = {}
        complete = True
        for topic in topics:
            before = self._made.get(topic.name)
            if before is not None and before.topic == topic:
                made[topic.name] = before
                continue
            try:
                made[topic.name] = _Made(topic, route_of(topic, self._schema_id(topic), self._namespace))
                _log.info("Topic %s takes events.", topic.name)
            except (BadSchemaError, StreamkitError) as error:
                complete = complete and not isinstance(error, RetryableError)
                _log.warning("Topic %s cannot be routed: %s", topic.name, error)
                if before is not None:
                    made[topic.name] = before
                else:
                    unusable[topic.name] = str(error)
        return made, unusable, complete

    def _update_store(self, catalogue: Catalogue) -> bool:
        topic = catalogue.topics.get(reject.TOPIC)
        if topic is None or topic == self._store_topic:
            return True
        try:
            encoder = AvroEncoder(topic.schema, self._schema_id(topic))
        except StreamkitError as error:
            _log.warning("Rejects cannot be kept: %s", error)
            return False
        self.reject_store = RejectStore(qualified(self._namespace, topic.name), encoder)
        self._store_topic = topic
        return True


async def follow(routes: Routes, current: Callable[[], Catalogue | None]) -> None:
    """Update the routes whenever `current` returns another catalogue, and while one is not usable in full.

    They stay as they are while it returns None.
    """
    seen: Catalogue | None = None
    while True:
        catalogue = current()
        if catalogue is not None and catalogue is not seen:
            complete = await asyncio.to_thread(routes.update, catalogue)
            seen = catalogue if complete else None
        await asyncio.sleep(_PERIOD_S)
