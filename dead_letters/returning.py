"""Pure: which letters may go back, and as what."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dead_letters.letter import Letter
from dead_letters.repair import Codec, Repair, repaired
from streamkit.broker import TopicInfo
from streamkit.deadletters import CUT, TOO_LARGE
from streamkit.errors import DeadLetterError, StopError
from streamkit.headers import EVENT_ID, TENANT, Source, find
from streamkit.redrive import retry_of
from streamkit.redriver import Returning
from streamkit.serde import UNENCODABLE

SINK = "search_sink"
_DEFAULT_TENANT = b"default"


def returning(
    letter: Letter, repair: Repair, codec: Codec, event_id: str | None, topics: Mapping[str, TopicInfo]
) -> Returning:
    """Return a letter's record as it goes back to the service that refused it.

    Args:
        letter: a service's letter.
        repair: what to change.
        codec: of the topic that it was in.
        event_id: the field of that topic that names the event.
        topics: what Kafka says of that topic and of the service's retry topic for it.

    Raises:
        StopError: it cannot go back so.
    """
    if letter.place is None:
        raise StopError("It cannot be read as a letter, so nobody knows where it came from")
    _check(letter, letter.place, topics)
    value = repaired(letter.value, repair, codec)
    key = letter.key if repair.key is None else repair.key.encode()
    tenant, event = _identity(letter, value, codec, event_id)
    return Returning(
        letter.letter_id,
        letter.service,
        letter.place,
        key != letter.key,
        key,
        value,
        letter.headers,
        letter.at_ms,
        tenant,
        event,
    )


def _check(letter: Letter, place: Source, topics: Mapping[str, TopicInfo]) -> None:
    """Raise StopError when going back would do harm, or lead nowhere."""
    if CUT in letter.detail:
        raise StopError(
            "The letter keeps only a part of the original",
            hint="Send the event to the gateway, smaller and under another event id",
        )
    if letter.service != SINK and letter.reason in (TOO_LARGE, UNENCODABLE):
        raise StopError(
            f"{letter.service} had taken the record into its state when it refused it ({letter.reason}), and "
            "would take it in twice",
            hint="Send the event to the gateway, smaller and under another event id",
        )
    if place.topic not in topics or topics[place.topic].topic_id != place.topic_id:
        raise StopError(
            f"{place.topic} was deleted or created again since, so what followed from it is gone too",
            hint="Send the event to the gateway",
        )
    if retry_of("", letter.service, place.topic) not in topics:
        raise StopError(
            f"{letter.service} takes nothing back of {place.topic}: it reads it as a side input, or has not "
            "run in a version that does",
            hint="Write a mended record to a side input; start the service to have its retry topic made",
        )


def _identity(
    letter: Letter, value: bytes | None, codec: Codec, event_id: str | None
) -> tuple[str, str | None]:
    """Return tenant and event id as the gateway named them in headers, else as the value does."""
    datum: Mapping[str, Any] = {}
    with suppress(DeadLetterError):
        datum = codec.decode(value or b"")
    named, tenant = find(letter.headers, EVENT_ID), find(letter.headers, TENANT)
    event = named.decode("utf-8", "replace") if named is not None else datum.get(event_id or "")
    whose = tenant or str(datum.get("tenant", "")).encode() or _DEFAULT_TENANT
    return whose.decode("utf-8", "replace"), None if event is None else str(event)
