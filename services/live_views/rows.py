"""The rows of the two views, as they stand in memory and in the changelog (JSON objects)."""

from typing import Literal, TypedDict

ROW_VERSION: Literal[1] = 1

Decision = dict[str, object]
"""A decoded record of payments.decisions.v1; times are milliseconds since 1970-01-01 UTC."""


class BalanceRow(TypedDict):
    """What one customer has spent, seen from one input partition."""

    v: Literal[1]
    next_offset: int  # records of the partition below this one are in the row
    credit_limit_minor: int | None  # as of the newest decision that knew it
    approved: dict[str, list[int]]  # currency -> [count, amount_minor]
    as_of_ms: int  # event time of the newest decision


class MerchantRow(TypedDict):
    """Approved payments of one merchant in one currency over recent buckets of event time."""

    v: Literal[1]
    next_offset: int
    category: str | None
    buckets: dict[
        str, list[int]
    ]  # bucket start (ms, a string because JSON keys are) -> [count, amount_minor]


class PositionRow(TypedDict):
    """Where the rows of one input partition stand; written after them, so never ahead of them."""

    v: Literal[1]
    next_offset: int
