"""What both doors do with a request: let it in, take it apart, write it, keep what was refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.ingest_gateway.admit import Budget
from services.ingest_gateway.authorize import KeyRing
from services.ingest_gateway.availability import Availability
from services.ingest_gateway.errors import (
    BATCH_TOO_LARGE,
    BODY_TOO_LARGE,
    MALFORMED,
    UNKNOWN_TOPIC,
    FieldError,
    RefusedError,
)
from services.ingest_gateway.follow import Routes
from services.ingest_gateway.publish import Origin, Pending, Publisher
from services.ingest_gateway.route import Route
from services.ingest_gateway.split import Records

RECORD_OVERHEAD: Final = 600
"""Bytes that a record takes in the producer's queue besides its own: headers and librdkafka's bookkeeping."""

# What these requests hold could be repaired and sent again.
_WORTH_KEEPING: Final = frozenset({MALFORMED, UNKNOWN_TOPIC, BODY_TOO_LARGE, BATCH_TOO_LARGE})


@dataclass(slots=True)
class Ticket:
    """A request that was let in; `refusal` is set instead of `route` when its topic is not known."""

    topic: str
    origin: Origin
    route: Route | None
    refusal: RefusedError | None


class Intake:
    """The gateway behind its doors. Used from one event loop."""

    def __init__(
        self, keys: KeyRing, routes: Routes, availability: Availability, budget: Budget, publisher: Publisher
    ) -> None:
        self._keys = keys
        self._routes = routes
        self._availability = availability
        self._publisher = publisher
        self.budget = budget

    def admit(self, topic: str, api_key: bytes | None, key: str | None, traceparent: bytes | None) -> Ticket:
        """Let a request in before its body is read.

        Raises:
            RefusedError: no right API key, the topic is not granted or not usable, or Kafka is away.
        """
        grant = self._keys.grant_of(api_key)
        origin = Origin(grant, key, traceparent)
        try:
            route = self._routes.table.find(topic)
        except RefusedError as refused:
            if refused.kind is not UNKNOWN_TOPIC:
                raise
            return Ticket(topic, origin, None, refused)
        grant.demand(topic)
        self._availability.demand()
        return Ticket(topic, origin, route, None)

    async def begin(
        self, ticket: Ticket, body: Callable[[], bytes], read: Callable[[], Records], uncounted: int = 0
    ) -> Pending:
        """Begin to write the records of a request that was read whole.

        Args:
            ticket: what `admit` gave.
            body: gives what to keep when the request cannot be taken apart; called only then.
            read: takes the request apart; may raise RefusedError.
            uncounted: bytes of the request that its reader has not taken from the budget.

        Raises:
            RefusedError: nothing was written.
        """
        try:
            if ticket.route is None:
                raise ticket.refusal or RuntimeError("a ticket without a route has a refusal")
            records = read()
        except RefusedError as refused:
            await self.keep(ticket, refused, body())
            raise
        room = uncounted + RECORD_OVERHEAD * len(records.values)
        self.budget.take(room)
        try:
            context = self._publisher.context(ticket.origin)
            pending = await self._publisher.begin(ticket.route, records, context)
        except BaseException:
            self.budget.give_back(room)
            raise
        # Whoever waits for the results may be gone by then; what is queued holds its room until it is sent.
        pending.when_sent(lambda: self.budget.give_back(room))
        return pending

    async def keep(self, ticket: Ticket, refused: RefusedError, body: bytes) -> None:
        """Keep the body of a request that is refused as a whole, where its topic's entry allows it."""
        dropped = ticket.route is not None and not ticket.route.keep_rejects
        if refused.kind in _WORTH_KEEPING and not dropped:
            errors = refused.errors or (FieldError("", refused.hint or refused.kind.code, refused.message),)
            context = self._publisher.context(ticket.origin)
            refused.reject_id = await self._publisher.keep(
                ticket.topic[:200], refused.kind.code, errors, body, context
            )
