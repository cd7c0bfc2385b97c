"""Fold a batch of decisions into the changes to write. Pure: rows in, rows out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from services.live_views.fold import fold_balance, fold_merchant, live_buckets
from services.live_views.keys import row_key
from services.live_views.rows import BalanceRow, Decision, MerchantRow


class Delivered(NamedTuple):
    """A record as it came; `decision` is None for a heartbeat or a record that cannot be decoded."""

    partition: int
    offset: int
    decision: Decision | None


@dataclass(slots=True)
class Changes:
    """What a batch changed: rows by key (None: drop the row) and the next offset of each partition."""

    balances: dict[str, BalanceRow] = field(default_factory=dict)
    merchants: dict[str, MerchantRow | None] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)


def fold_batch(
    batch: Iterable[Delivered],
    balances: Mapping[str, BalanceRow],
    merchants: Mapping[str, MerchantRow],
    now_ms: int,
) -> Changes:
    """Fold records, in the order of each partition's offsets, into the rows that they touch.

    Args:
        batch: the records; repeats of records that the rows already hold change nothing.
        balances: the balance rows as they stand.
        merchants: the merchant rows as they stand.
        now_ms: the clock; decides which merchant buckets are still within the recent hour.
    """
    changes = Changes()
    for partition, offset, decision in batch:
        changes.positions[partition] = max(offset + 1, changes.positions.get(partition, 0))
        if decision is None:
            continue
        tenant, currency = str(decision["tenant"]), str(decision["currency"])

        key = row_key(partition, tenant, str(decision["customer_id"]))
        before = changes.balances.get(key) or balances.get(key)
        after = fold_balance(before, decision, offset)
        if after is not before:
            changes.balances[key] = after

        key = row_key(partition, tenant, str(decision["merchant_name"]), currency)
        had = changes.merchants.get(key) or merchants.get(key)
        has = fold_merchant(had, decision, offset, now_ms)
        if has is not None and has is not had:
            changes.merchants[key] = has
    return changes


def stale_merchants(merchants: Mapping[str, MerchantRow], now_ms: int) -> Changes:
    """The changes that drop every merchant row without a bucket in the hour before `now_ms`."""
    return Changes(merchants={key: None for key, row in merchants.items() if not live_buckets(row, now_ms)})
