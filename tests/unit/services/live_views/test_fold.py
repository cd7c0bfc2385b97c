from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.live_views.batch import Delivered, fold_batch, stale_merchants
from services.live_views.fold import BUCKET_MS, HOUR_MS, fold_balance, fold_merchant, oldest_bucket
from services.live_views.keys import row_key
from services.live_views.rows import BalanceRow, MerchantRow

NOW = 1_790_000_000_000


def decision(**changes: Any) -> dict[str, Any]:
    return {
        "tenant": "default",
        "customer_id": "c1",
        "merchant_name": "Harbour Books",
        "category": "books",
        "amount_minor": 1000,
        "currency": "EUR",
        "event_time": NOW - 60_000,
        "outcome": "APPROVE",
        "credit_limit_minor": 50_000,
        **changes,
    }


class Views:
    """The two tables as dictionaries."""

    def __init__(self) -> None:
        self.balances: dict[str, BalanceRow] = {}
        self.merchants: dict[str, MerchantRow] = {}
        self.positions: dict[int, int] = {}

    def fold(self, batch: list[Delivered]) -> None:
        changes = fold_batch(batch, self.balances, self.merchants, NOW)
        self.balances |= changes.balances
        self.merchants |= {key: row for key, row in changes.merchants.items() if row is not None}
        self.positions |= changes.positions


def test_an_approval_is_spent_and_sets_the_limit() -> None:
    row = fold_balance(None, decision(), 7)
    assert row["approved"] == {"EUR": [1, 1000]}
    assert row["credit_limit_minor"] == 50_000
    assert row["next_offset"] == 8


@pytest.mark.parametrize("outcome", ["REVIEW", "DECLINE"])
def test_another_outcome_spends_nothing_but_refreshes_the_limit(outcome: str) -> None:
    row = fold_balance(fold_balance(None, decision(), 0), decision(outcome=outcome, credit_limit_minor=9), 1)
    assert row["approved"] == {"EUR": [1, 1000]}
    assert row["credit_limit_minor"] == 9


def test_a_decision_without_a_limit_keeps_the_one_before() -> None:
    row = fold_balance(fold_balance(None, decision(), 0), decision(credit_limit_minor=None), 1)
    assert row["credit_limit_minor"] == 50_000


def test_currencies_are_kept_apart() -> None:
    row = fold_balance(fold_balance(None, decision(), 0), decision(currency="CHF", amount_minor=5), 1)
    assert row["approved"] == {"EUR": [1, 1000], "CHF": [1, 5]}


def test_a_redelivered_decision_changes_nothing() -> None:
    row = fold_balance(None, decision(), 7)
    assert fold_balance(row, decision(), 7) is row
    merchant = fold_merchant(None, decision(), 7, NOW)
    assert fold_merchant(merchant, decision(), 7, NOW) is merchant


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "DECLINE"},
        {"merchant_name": None},
        {"event_time": NOW - HOUR_MS - BUCKET_MS},
    ],
    ids=["not approved", "unknown merchant", "older than the hour"],
)
def test_what_does_not_trend_makes_no_row(changes: dict[str, Any]) -> None:
    assert fold_merchant(None, decision(**changes), 0, NOW) is None


def test_buckets_leave_the_hour() -> None:
    old = fold_merchant(None, decision(event_time=oldest_bucket(NOW)), 0, NOW)
    later = fold_merchant(old, decision(event_time=NOW + BUCKET_MS), 1, NOW + BUCKET_MS)
    assert later is not None
    assert list(later["buckets"].values()) == [[1, 1000]]


def test_a_row_without_a_bucket_in_the_hour_is_dropped_and_not_revived() -> None:
    row = fold_merchant(None, decision(), 0, NOW)
    assert row is not None
    later = NOW + 2 * HOUR_MS
    key = row_key(0, "default", "Harbour Books", "EUR")
    assert stale_merchants({key: row}, NOW).merchants == {}
    assert stale_merchants({key: row}, later).merchants == {key: None}
    assert fold_merchant(None, decision(), 0, later) is None


def test_tenants_do_not_share_rows() -> None:
    views = Views()
    views.fold([Delivered(0, 0, decision()), Delivered(0, 1, decision(tenant="other"))])
    assert views.balances[row_key(0, "default", "c1")]["approved"] == {"EUR": [1, 1000]}
    assert views.balances[row_key(0, "other", "c1")]["approved"] == {"EUR": [1, 1000]}


def test_a_heartbeat_moves_the_position_only() -> None:
    views = Views()
    views.fold([Delivered(2, 41, None)])
    assert views.positions == {2: 42}
    assert not views.balances


records = st.lists(
    st.builds(
        decision,
        customer_id=st.sampled_from(["c1", "c2", "c3"]),
        merchant_name=st.sampled_from(["A", "B", None]),
        amount_minor=st.integers(1, 10**9),
        currency=st.sampled_from(["EUR", "USD"]),
        outcome=st.sampled_from(["APPROVE", "REVIEW", "DECLINE"]),
        event_time=st.integers(NOW - 2 * HOUR_MS, NOW),
    ),
    max_size=30,
)


@given(log=records, data=st.data())
def test_delivery_again_from_any_position_gives_the_same_rows(log: list[Any], data: st.DataObject) -> None:
    """Crashes: batches of any size, each followed by a read from any earlier offset."""
    once, again = Views(), Views()
    once.fold([Delivered(0, offset, each) for offset, each in enumerate(log)])
    position = 0
    while position < len(log):
        end = data.draw(st.integers(position + 1, len(log)))
        again.fold([Delivered(0, offset, log[offset]) for offset in range(position, end)])
        crashed = data.draw(st.booleans())
        position = data.draw(st.integers(position, end)) if crashed and end < len(log) else end
    assert again.balances == once.balances
    assert again.merchants == once.merchants
