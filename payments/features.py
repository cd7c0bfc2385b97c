"""The features of a transaction: declared once, computed by the services and by training alike.

Windows are those of the Fraud Detection Handbook: a customer's are (t - w, t] with the current transaction,
a terminal's are (t - 7d - w, t - 7d], because a fraud is known only days after it happened. Amounts are in
minor units of one currency; a customer has a window per currency, so that no aggregate mixes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from payments.eventlog import log_key
from payments.labels import Labels
from payments.logs import Logs
from payments.windows import Span, Windows, days

LABEL_DELAY_DAYS = 7
WINDOW_DAYS = (1, 7, 30)
CUSTOMER_WINDOWS = Windows([days(length) for length in WINDOW_DAYS])
TERMINAL_WINDOWS = Windows([days(length, delay=LABEL_DELAY_DAYS) for length in WINDOW_DAYS])
BUSINESS_ZONE = "UTC"  # IANA name; whose nights and weekends the calendar features mean
# Event times in ms that a calendar holds in every zone: from 1970 to the last day but one of the year 9999.
EVENT_TIMES = range(253_402_128_000_000)


class Key(StrEnum):
    """Whose events a feature looks at."""

    TRANSACTION = "transaction"
    CUSTOMER = "customer"
    TERMINAL = "terminal"


class Aggregate(StrEnum):
    """What a feature makes of them."""

    VALUE = "value"
    COUNT = "count"
    MEAN_AMOUNT = "mean amount"
    RISK = "reported frauds per transaction"
    RATIO = "amount over the customer's mean"
    NIGHT = "1 from 0:00 to 6:59"
    WEEKEND = "1 on Saturday and Sunday"


@dataclass(frozen=True, slots=True)
class Feature:
    """One place of the feature vector: what it is called and how it is computed."""

    name: str
    key: Key
    aggregate: Aggregate
    span: Span | None = None
    zone: str | None = None

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        return self.aggregate not in {Aggregate.MEAN_AMOUNT, Aggregate.RISK, Aggregate.RATIO}


def _windowed(key: Key, aggregate: Aggregate, name: str, windows: Windows) -> tuple[Feature, ...]:
    return tuple(
        Feature(f"{key}_{name}_{length}d", key, aggregate, span)
        for length, span in zip(WINDOW_DAYS, windows.spans, strict=True)
    )


FEATURES: tuple[Feature, ...] = (
    Feature("amount_minor", Key.TRANSACTION, Aggregate.VALUE),
    Feature("is_night", Key.TRANSACTION, Aggregate.NIGHT, zone=BUSINESS_ZONE),
    Feature("is_weekend", Key.TRANSACTION, Aggregate.WEEKEND, zone=BUSINESS_ZONE),
    *_windowed(Key.CUSTOMER, Aggregate.COUNT, "count", CUSTOMER_WINDOWS),
    *_windowed(Key.CUSTOMER, Aggregate.MEAN_AMOUNT, "mean_amount_minor", CUSTOMER_WINDOWS),
    Feature("amount_ratio_30d", Key.CUSTOMER, Aggregate.RATIO, CUSTOMER_WINDOWS.spans[-1]),
    *_windowed(Key.TERMINAL, Aggregate.COUNT, "count", TERMINAL_WINDOWS),
    *_windowed(Key.TERMINAL, Aggregate.RISK, "risk", TERMINAL_WINDOWS),
)
FEATURE_NAMES = tuple(feature.name for feature in FEATURES)

_CUSTOMER_FIELDS = tuple(f"count_{d}d" for d in WINDOW_DAYS) + tuple(
    f"mean_amount_minor_{d}d" for d in WINDOW_DAYS
)
_ZONE = ZoneInfo(BUSINESS_ZONE)
_NO_RISK = [0.0] * len(WINDOW_DAYS)


def customer_features(
    logs: Logs, tenant: str, customer_id: str, currency: str, time_ms: int, amount_minor: int
) -> dict[str, float]:
    """Enter a transaction in the customer's log; `customer_features` of payments.enriched.v1."""
    key = log_key("c", tenant, customer_id, currency)
    found = CUSTOMER_WINDOWS.observe(logs, key, time_ms, amount_minor)
    values = [events for events, _ in found] + [total / events for events, total in found]
    return dict(zip(_CUSTOMER_FIELDS, values, strict=True))


def terminal_features(logs: Logs, tenant: str, terminal_id: str, time_ms: int, labels: Labels) -> list[float]:
    """Enter a transaction in the terminal's log; its counts and risks, in the order of the vector.

    A risk is the part of the window's transactions that was reported as fraud by the time of this transaction
    (its event time), as far as `labels` know; 0 when the window is empty.
    """
    found = TERMINAL_WINDOWS.observe(logs, log_key("t", tenant, terminal_id), time_ms, 0)
    counts: list[float] = [events for events, _ in found]
    if not labels:
        return counts + _NO_RISK
    return counts + [
        _risk(labels.known(time_ms - span.reach_ms, time_ms - span.delay_ms, time_ms), events)
        for span, (events, _) in zip(TERMINAL_WINDOWS.spans, found, strict=True)
    ]


def vector(
    amount_minor: int, time_ms: int, customer: Mapping[str, float], terminal: list[float]
) -> list[float]:
    """The feature vector in the order of FEATURES, from what the two functions above return."""
    at = datetime.fromtimestamp(time_ms // 1000, _ZONE)
    mean = customer["mean_amount_minor_30d"]
    return [
        amount_minor,
        int(at.hour <= 6),
        int(at.weekday() >= 5),
        *[customer[field] for field in _CUSTOMER_FIELDS],
        amount_minor / mean if mean else 1.0,
        *terminal,
    ]


def _risk(frauds: int, transactions: int) -> float:
    # A report may concern a transaction that the log never held (before its beginning): never above 1.
    return min(frauds / transactions, 1.0) if transactions else 0.0
