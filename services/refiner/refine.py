"""Pure: turns raw records into refined ones, each event once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.refiner.errors import EmptyError, FutureError, WrongKeyError
from services.refiner.metrics import RefinerMetrics
from services.refiner.route import Route, routes
from streamkit.catalogue import Catalogue
from streamkit.catalogue_entries import SIDE_INPUT
from streamkit.dedup import Repeats
from streamkit.errors import DeadLetterError, RetryableError
from streamkit.headers import carried, tenant_of
from streamkit.records import Output, Record, Rejected
from streamkit.redrive import redrive_of
from streamkit.serde import SchemaSource
from streamkit.side import Cached, SideView
from streamkit.state import PartitionState
from streamkit.transform import Topics

DEFAULT_TENANT = "default"


@dataclass(frozen=True)
class Limits:
    """How long an event id is remembered, and how far an event may lie ahead of its ingest time; in ms."""

    repeat_window_ms: int
    future_ms: int


class Refine:
    """The refiner's step: decodes, refuses what is not valid, leaves out repeats, writes the refined form."""

    def __init__(self, schemas: SchemaSource, limits: Limits) -> None:
        """Take where writer schemas come from, and the limits."""
        self._limits = limits
        self._routes: Cached[Mapping[str, Route]] = Cached(lambda side: routes(catalogue_in(side), schemas))

    def topics(self, side: SideView) -> Topics:
        """Return what is to be read and written under the catalogue in force (`TransformSpec.follow`)."""
        found = self._routes(side)
        return Topics(
            inputs=tuple(found),
            outputs={route.refined: route.refined for route in found.values()},
            heartbeat_outputs={route.refined: route.heartbeat for route in found.values()},
        )

    def __call__(
        self, batch: Sequence[Record], side: SideView, state: PartitionState
    ) -> Iterator[Output | Rejected]:
        """Yield the refined form of each valid, new record, and what is to be put aside."""
        route = self._routes(side).get(batch[0].topic)
        if route is None:
            raise RetryableError(f"The catalogue no longer refines {batch[0].topic}.", topic=batch[0].topic)
        redrive = redrive_of(batch[0])  # what was redriven comes alone
        redriven_ms = redrive.at_ms if redrive is not None else None
        repeats = Repeats(state, self._limits.repeat_window_ms, redriven_ms)
        refined = repeated = 0
        for record in batch:
            try:
                datum = self._valid(record, route)
                if _is_repeat(record, datum, route, repeats):
                    repeated += 1
                    continue
                value = route.encoder.encode(datum)
            except DeadLetterError as error:
                if route.keep_rejects:
                    yield Rejected(record, error.reason, str(error), error.field_path, error.schema_id)
                else:
                    RefinerMetrics.dropped_records.inc(topic=route.refined, reason=error.reason)
            else:
                refined += 1
                yield Output(route.refined, record.key, value, record.timestamp_ms, carried(record))
        repeats.sweep()
        RefinerMetrics.refined_records.inc(refined, topic=route.refined)
        RefinerMetrics.repeated_records.inc(repeated, topic=route.refined)

    def _valid(self, record: Record, route: Route) -> Any:
        """Return the record's datum; raises DeadLetterError when it is not one of the route's."""
        if record.value is None:
            raise EmptyError
        datum = route.decoder.decode(record.value)
        if record.key != datum[route.key].encode():
            raise WrongKeyError(route.key, record.key, datum[route.key])
        event_time_ms = datum[route.event_time]
        if event_time_ms > record.timestamp_ms + self._limits.future_ms:
            raise FutureError(route.event_time, event_time_ms, record.timestamp_ms)
        return datum


def _is_repeat(record: Record, datum: Any, route: Route, repeats: Repeats) -> bool:
    tenant = tenant_of(record) or datum.get("tenant") or DEFAULT_TENANT
    return repeats.seen(tenant, datum[route.event_id], record.timestamp_ms)


def catalogue_in(side: SideView) -> Catalogue:
    """Return the catalogue that the side input holds."""
    return Catalogue.of(row.value for row in side.table(SIDE_INPUT).values())
