"""Times as producers write them: ISO-8601 text or a number, to the integer that Avro stores.

Digits finer than the type holds are cut off, never rounded into the next unit.
"""

from datetime import UTC, date, datetime, time, timedelta

from services.ingest_gateway.errors import MisfitError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local timestamps have no zone by definition
_MICROSECOND = timedelta(microseconds=1)
_DAY_ZERO = date(1970, 1, 1).toordinal()

MICROS_PER_DAY = 86_400_000_000
FIRST_DAY, LAST_DAY = date.min.toordinal() - _DAY_ZERO, date.max.toordinal() - _DAY_ZERO
FIRST_MICRO, LAST_MICRO = FIRST_DAY * MICROS_PER_DAY, (LAST_DAY + 1) * MICROS_PER_DAY - 1
"""Years 1 to 9999: what readers in most languages can represent. A number beyond is refused."""


def micros_of_timestamp(text: str) -> int:
    """Return microseconds since the epoch of ISO-8601 text with a zone; raises MisfitError."""
    moment = _datetime(text)
    if moment.tzinfo is None:
        raise MisfitError("a zone is missing, such as Z or +01:00")
    return (moment - _EPOCH) // _MICROSECOND


def micros_of_local_timestamp(text: str) -> int:
    """Return microseconds since 1970-01-01T00:00 on the same wall clock; raises MisfitError."""
    moment = _datetime(text)
    if moment.tzinfo is not None:
        raise MisfitError("a local time has no zone")
    return (moment - _LOCAL_EPOCH) // _MICROSECOND


def micros_of_time(text: str) -> int:
    """Return microseconds since midnight of ISO-8601 text such as 13:45:00.5; raises MisfitError."""
    try:
        moment = time.fromisoformat(text)
    except ValueError:
        raise MisfitError("ISO-8601 such as 13:45:00.5") from None
    if moment.tzinfo is not None:
        raise MisfitError("a time of day has no zone")
    return (moment.hour * 3600 + moment.minute * 60 + moment.second) * 1_000_000 + moment.microsecond


def days_of_date(text: str) -> int:
    """Return days since 1970-01-01 of ISO-8601 text such as 2026-11-21; raises MisfitError."""
    try:
        return date.fromisoformat(text).toordinal() - _DAY_ZERO
    except ValueError:
        raise MisfitError("ISO-8601 such as 2026-11-21") from None


def _datetime(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise MisfitError("ISO-8601 such as 2026-11-21T13:45:00.500Z") from None
