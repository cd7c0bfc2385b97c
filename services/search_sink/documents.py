"""Pure: a record as the document that is searched; where it goes is a function of the record alone.

The same record always gives the same index, id and version, so writing it again changes nothing.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from streamkit.headers import Source, format_source, hop_times
from streamkit.records import Record

_PREVIEW_BYTES = 2_000
_LAST_MS = 253_402_300_799_000  # the last second of the year 9999
_DECISION_FIELDS = (
    "transaction_id",
    "tenant",
    "customer_id",
    "card_id",
    "terminal_id",
    "merchant_name",
    "category",
    "country",
    "amount_minor",
    "currency",
    "event_time",
    "origin",
    "outcome",
    "score",
)
_LETTER_FIELDS = (
    "dead_letter_id",
    "service",
    "reason",
    "detail",
    "field_path",
    "schema_id",
    "source_topic",
    "source_topic_id",
    "source_partition",
    "source_offset",
    "traceparent",
    "event_time",
)

Datum = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """One document with the record it was made from."""

    record: Record
    index: str
    id: str
    version: int
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """Documents of one topic: the indices are `<name>-<ingest day>`; `body` picks what is kept."""

    name: str
    body: Callable[[Datum], Mapping[str, Any]]


def document_of(record: Record, topic_id: str, family: Family, datum: Datum, prefix: str = "") -> Document:
    """Return the document of a decoded record.

    Args:
        record: the record.
        topic_id: id of its topic; a topic made again must not overwrite what the old one said.
        family: what it becomes.
        datum: the decoded value.
        prefix: put before the index's name, for a replay beside the live system.
    """
    identity = format_source(Source(record.topic, topic_id, record.partition, record.offset)).decode()
    own = {
        "ingest_time": record.timestamp_ms,
        "topic": record.topic,
        "topic_id": topic_id,
        "partition": record.partition,
        "offset": record.offset,
        "latency_ms": _latency_ms(record),
    }
    index = f"{prefix}{family.name}-{_day(record.timestamp_ms)}"
    return Document(record, index, identity, record.offset, {**family.body(datum), **own})


def decision_body(datum: Datum) -> Mapping[str, Any]:
    """Return what is kept of a decision."""
    return {
        **{name: datum[name] for name in _DECISION_FIELDS},
        "reasons": datum["reasons"],
        "features": datum["features"],
        "credit_limit_minor": datum["credit_limit_minor"],
        "model_hash": datum["model_hash"],
        "rule_set_version": datum["rule_set_version"],
        "joins": datum["joins"],
    }


def alert_body(datum: Datum) -> Mapping[str, Any]:
    """Return what is kept of an alert."""
    return {**{name: datum[name] for name in _DECISION_FIELDS}, "reasons": datum["reasons"]}


def dead_letter_body(datum: Datum) -> Mapping[str, Any]:
    """Return what is kept of a dead letter: its story and the first bytes, as text and as they are."""
    value = datum["source_value"] or b""
    first = value[:_PREVIEW_BYTES]
    return {
        **{name: datum[name] for name in _LETTER_FIELDS},
        "source_bytes": len(value),
        "source_preview": first.decode("utf-8", "replace"),
        "source_head": base64.b64encode(first).decode(),
    }


FAMILIES: Mapping[str, Family] = {
    "payments.decisions.v1": Family("decisions", decision_body),
    "payments.alerts.v1": Family("alerts", alert_body),
    "platform.dead-letters.v1": Family("dead-letters", dead_letter_body),
}
"""What is searched, by topic."""


def _latency_ms(record: Record) -> int | None:
    """Return the time from the record's first hop to its last, None when its headers do not say."""
    times = hop_times(record.headers).values()
    return max(times) - min(times) if len(times) > 1 else None


def _day(timestamp_ms: int) -> str:
    """Return the UTC day; what comes before 1970 or after 9999 counts to the first or the last day.

    Any client can write any timestamp. The record has its place for all that; whether the timestamp itself
    can be searched is up to OpenSearch, and what it refuses becomes a dead letter.
    """
    return datetime.fromtimestamp(min(max(0, timestamp_ms), _LAST_MS) / 1000, UTC).strftime("%Y-%m-%d")
