"""Sends a gateway reject back through the gateway: under an event id that is the same at every attempt."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from dead_letters.letter import Letter
from dead_letters.repair import Repair, repaired_event
from streamkit.catalogue import Topic
from streamkit.clock import Clock
from streamkit.errors import RetryableError, StopError
from streamkit.redriver import Redriver
from streamkit.redrives import Marker, State

GATEWAY = "ingest_gateway"
# Behind the gateway a repeat is dropped for 24 hours: within them an event whose fate is not known may be
# sent again. An hour less allows for clocks and for what waits in the topic.
SAFE_MS = 23 * 3_600_000
_ANSWER_WITHIN_S = 20.0


class Gateway:
    """The gateway's HTTP door."""

    def __init__(self, client: httpx.Client) -> None:
        """Take a client with the gateway's address and an API key."""
        self._client = client

    def send(self, topic: str, event: Mapping[str, Any]) -> str | None:
        """Send an event; return why it was refused, None when it is acknowledged. Blocks.

        Raises:
            RetryableError: no answer, or one that says to send again; the event may have been written.
        """
        try:
            answer = self._client.post(
                f"/v1/topics/{quote(topic, '')}/events", json=event, timeout=_ANSWER_WITHIN_S
            )
        except httpx.HTTPError as error:
            raise RetryableError(f"the gateway does not answer: {error}", hint=_AGAIN) from error
        if answer.status_code == HTTPStatus.OK:
            return None
        if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            return _faults(answer)
        text = answer.text[:300]
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise StopError(f"the gateway refuses the API key: {text}", hint="Set KAPSTAN_API_KEY")
        raise RetryableError(f"the gateway answers {answer.status_code}: {text}", hint=_AGAIN)


_AGAIN = "Run the same command again: the event goes under the same id, so it counts once"


def resend(
    letter: Letter, repair: Repair, topic: Topic, redriver: Redriver, gateway: Gateway, clock: Clock
) -> str:
    """Send a reject back, and return in words what became of it.

    The marker CLAIMED is written before, SENT or REFUSED behind the answer. After a kill between the two the
    event goes once more under the same id, and the first transform drops the repeat. Blocks.

    Raises:
        StopError: it cannot go back so, or it is not known whether it did and too late to send it again.
        RetryableError: the gateway or Kafka is away; it is claimed.
    """
    event = event_of(letter, repair, topic)
    event_id = str(event[topic.spec.event_id or ""])
    before = redriver.markers.get(letter.letter_id)
    _check(before, event_id, clock.now_ms())
    if before is None or before.state != "CLAIMED":
        redriver.note(_marker(letter, "CLAIMED", event_id, clock.now_ms()))
    refusal = gateway.send(letter.topic, event)
    state: State = "SENT" if refusal is None else "REFUSED"
    redriver.note(_marker(letter, state, event_id, clock.now_ms()))
    if refusal is not None:
        raise StopError(f"The gateway refuses it again: {refusal}", hint="Mend it with --edit or --value")
    return f"went through the gateway as event {event_id}"


def event_of(letter: Letter, repair: Repair, topic: Topic) -> dict[str, Any]:
    """Return the event with which a reject goes back: with the tenant it had, and an id of its own.

    An event without an id gets the reject's, so that it is one event however often it is sent.

    Raises:
        StopError: it is no event, or of another tenant.
    """
    event = repaired_event(letter.value or b"", repair)
    if topic.spec.event_id is not None and topic.spec.event_id not in event:
        event[topic.spec.event_id] = letter.letter_id
    if letter.tenant and "tenant" in topic.schema.fields():
        whose = event.setdefault("tenant", letter.tenant)
        if whose != letter.tenant:
            raise StopError(f"The event was sent by the tenant {letter.tenant}, and has to stay with it")
    return event


def _check(before: Marker | None, event_id: str, now_ms: int) -> None:
    """Raise StopError when an event that may have been written must not be sent again."""
    if before is None or before.state == "REFUSED":
        return
    if before.event_id != event_id:
        raise StopError(
            f"It may have been written already as event {before.event_id}, and would now be {event_id}",
            hint="Run it with the same repair as before: then it counts once",
        )
    if now_ms - before.event_time >= SAFE_MS:
        raise StopError(
            f"It may have been written as event {before.event_id} a day ago, and would count again",
            hint="Look for that event; if it is not there, send it to the gateway by hand",
        )


def _marker(letter: Letter, state: State, event_id: str, now_ms: int) -> Marker:
    tenant = letter.tenant or "default"
    return Marker(letter.letter_id, state, GATEWAY, letter.topic, None, tenant, event_id, now_ms)


def _faults(answer: httpx.Response) -> str:
    try:
        errors = answer.json()["results"][0]["errors"]
        return "; ".join(
            f"{e['pointer'] or 'the whole'}: expected {e['expected']}, got {e['got']}" for e in errors
        )
    except (ValueError, KeyError, IndexError, TypeError):
        return answer.text[:300]
