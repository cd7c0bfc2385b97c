"""Fold decisions into rows, exactly once however often a record is delivered.

Each row carries the offset up to which its partition is folded in. A record below it is already there: the
row is returned unchanged. The row and its guard are one changelog record, so a crash cannot part them.
"""

from services.live_views.rows import ROW_VERSION, BalanceRow, Decision, MerchantRow

BUCKET_MS = 5 * 60_000
HOUR_MS = 60 * 60_000


def fold_balance(row: BalanceRow | None, decision: Decision, offset: int) -> BalanceRow:
    """The balance row after one decision, or the same object when the record changes nothing.

    A decision of any outcome refreshes the limit; only an approval adds to what was spent.
    """
    if row is not None and offset < row["next_offset"]:
        return row
    before = row or BalanceRow(v=ROW_VERSION, next_offset=0, credit_limit_minor=None, approved={}, as_of_ms=0)
    currency, limit = str(decision["currency"]), decision["credit_limit_minor"]
    count, amount = before["approved"].get(currency, [0, 0])
    if decision["outcome"] == "APPROVE":
        count, amount = count + 1, amount + _integer(decision["amount_minor"])
    return BalanceRow(
        v=ROW_VERSION,
        next_offset=offset + 1,
        credit_limit_minor=before["credit_limit_minor"] if limit is None else _integer(limit),
        approved={**before["approved"], currency: [count, amount]},
        as_of_ms=max(before["as_of_ms"], _integer(decision["event_time"])),
    )


def fold_merchant(
    row: MerchantRow | None, decision: Decision, offset: int, now_ms: int
) -> MerchantRow | None:
    """The merchant row after one decision, without buckets that left the hour before `now_ms`.

    The same object comes back when the record changes nothing: it was folded in before, was not approved,
    has no known merchant, or its bucket is already outside the hour. The last rule also keeps a redelivered
    record from reviving a row that was dropped as stale.
    """
    if row is not None and offset < row["next_offset"]:
        return row
    bucket = bucket_of(_integer(decision["event_time"]))
    unknown = decision["merchant_name"] is None
    if decision["outcome"] != "APPROVE" or unknown or bucket < oldest_bucket(now_ms):
        return row
    buckets = live_buckets(row, now_ms)
    count, amount = buckets.get(str(bucket), [0, 0])
    buckets[str(bucket)] = [count + 1, amount + _integer(decision["amount_minor"])]
    category = decision["category"]
    return MerchantRow(
        v=ROW_VERSION,
        next_offset=offset + 1,
        category=None if category is None else str(category),
        buckets=buckets,
    )


def live_buckets(row: MerchantRow | None, now_ms: int) -> dict[str, list[int]]:
    """A copy of the row's buckets that still lie within the hour before `now_ms`; empty without a row."""
    oldest = oldest_bucket(now_ms)
    return {start: sums for start, sums in row["buckets"].items() if int(start) >= oldest} if row else {}


def bucket_of(event_ms: int) -> int:
    """Start of the five-minute bucket of an event time, in milliseconds."""
    return event_ms - event_ms % BUCKET_MS


def oldest_bucket(now_ms: int) -> int:
    """Start of the oldest of the twelve buckets that make up the recent hour (55 to 60 minutes)."""
    return bucket_of(now_ms) - HOUR_MS + BUCKET_MS


def _integer(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"expected an integer, got {value!r}")
    return value
