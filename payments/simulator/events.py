"""What the simulator hands out: a value, the topic it belongs to, and when it is to be sent."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

TRANSACTIONS = "payments.transactions.v1"
FRAUD_REPORTS = "payments.fraud-reports.v1"
CLICKS = "web.clicks.v1"


class Flaw(StrEnum):
    """What is wrong with an arrival on purpose."""

    RETRY = "retry"  # the same value as an earlier arrival: a client that sends again
    LATE = "late"  # its event time lies minutes to an hour before it is sent
    MALFORMED = "malformed"  # does not fit the schema: the gateway refuses it


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event on its way in: `value` is of `topic`'s schema (unless malformed), sent at `due_ms`."""

    due_ms: int
    topic: str
    value: dict[str, Any]
    flaw: Flaw | None = None
