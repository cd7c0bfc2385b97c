"""Pure: how a record that was put aside goes back to the service that refused it, and to no other.

It goes through a retry topic of that service's own, `<service>.<input>.retry`, which has the input's
partitions. The REDRIVE header says what is known of its way; all else is as it was at its first place.
"""

from dataclasses import replace
from typing import NamedTuple

from streamkit.errors import DeadLetterError
from streamkit.headers import BAD_HEADER, REDRIVE, Source, find, format_source, parse_source
from streamkit.outputs import qualified
from streamkit.records import Record

_MOST_DIGITS = 13  # of a time in ms: the year 2286


class Redrive(NamedTuple):
    """What a redriven record says of itself.

    Attributes:
        attempt: how often it was redriven, this time included.
        at_ms: when, in ms since the epoch.
        place: where the service had read it first.
        letter_id: the letter that it was made from.
    """

    attempt: int
    at_ms: int
    place: Source
    letter_id: str


def retry_of(namespace: str, service: str, topic: str) -> str:
    """Return the name of a service's retry topic for one input topic."""
    return qualified(namespace, f"{service}.{topic}.retry")


def format_redrive(redrive: Redrive) -> bytes:
    """Return the value of the REDRIVE header."""
    place = format_source(redrive.place).decode()
    return f"{redrive.attempt} {redrive.at_ms} {place} {redrive.letter_id}".encode()


def parse_redrive(raw: bytes) -> Redrive:
    """Read what `format_redrive` wrote; raises ValueError when it is something else."""
    attempt, at_ms, place, letter_id = raw.decode("utf-8", "replace").split(" ", 3)
    if not all(number.isdecimal() and len(number) <= _MOST_DIGITS for number in (attempt, at_ms)):
        raise ValueError(f"not the header of a redriven record: {raw[:100]!r}")
    return Redrive(int(attempt), int(at_ms), parse_source(place.encode()), letter_id)


def redrive_of(record: Record) -> Redrive | None:
    """Return what a record says of being redriven; None when it was not, or says nothing that can be read."""
    raw = find(record.headers, REDRIVE)
    if raw is None:
        return None
    try:
        return parse_redrive(raw)
    except ValueError:
        return None


def as_first_read(record: Record, topic: str, topic_id: str) -> Record:
    """Return a record of a retry topic as the service read it at first: at its first place.

    Args:
        record: as it stands in the retry topic.
        topic: the input that the retry topic belongs to.
        topic_id: the id which that input has now.

    Raises:
        DeadLetterError: reason `bad_header`; it was not redriven, or not for this input.
    """
    redrive = redrive_of(record)
    if redrive is None or redrive.place[:2] != (topic, topic_id):
        raise DeadLetterError(
            f"The record does not say where in {topic}@{topic_id} it was read first.",
            reason=BAD_HEADER,
            hint="Only `kapstan dlq redrive` writes to this topic",
        )
    place = redrive.place
    return replace(record, topic=place.topic, partition=place.partition, offset=place.offset)
