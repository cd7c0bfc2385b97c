"""The pages of live_views against decisions that are added up anew."""

import pytest

from tests.faults.shown import HOUR_MS, Shown

NOW = 1_790_000_100_000


def decision(amount=100, outcome="APPROVE", merchant="m1", currency="EUR", limit=1000, back_ms=0):
    return {
        "customer_id": "c1",
        "currency": currency,
        "amount_minor": amount,
        "outcome": outcome,
        "credit_limit_minor": limit,
        "merchant_name": merchant,
        "event_time": NOW - back_ms,
    }


@pytest.fixture
def shown():
    made = Shown()
    for each in (
        decision(),
        decision(50),
        decision(7, "DECLINE"),
        decision(9, currency="USD"),
        decision(3, back_ms=2 * HOUR_MS),
        decision(4, merchant=None),
    ):
        made.decision(each)
    return made


def balance(currency, count, amount, limit=1000, left=None):
    left = limit - amount if left is None else left
    return {
        "currency": currency,
        "approved_count": count,
        "approved_minor": amount,
        "credit_limit_minor": limit,
        "balance_minor": left,
    }


RIGHT = [balance("EUR", 4, 157), balance("USD", 1, 9)]


def test_balances_that_add_up_are_right(shown):
    assert shown.customers == ["c1"]
    assert shown.wrong_balance("c1", RIGHT) is None


@pytest.mark.parametrize(
    "page",
    [
        RIGHT[:1],
        [balance("EUR", 5, 257), RIGHT[1]],
        [balance("EUR", 4, 157, limit=5), RIGHT[1]],
        [balance("EUR", 4, 157, left=5), RIGHT[1]],
    ],
)
def test_other_balances_are_wrong(shown, page):
    assert "balance of c1" in shown.wrong_balance("c1", page)


def test_a_customer_with_no_known_limit_has_no_balance():
    shown = Shown()
    shown.decision(decision(limit=None))
    page = {**balance("EUR", 1, 100), "credit_limit_minor": None, "balance_minor": None}
    assert shown.wrong_balance("c1", [page]) is None


def merchants(*rows, as_of_ms=NOW):
    names = ("merchant_name", "currency", "approved_count", "approved_minor")
    return {"as_of_ms": as_of_ms, "merchants": [dict(zip(names, row, strict=True)) for row in rows]}


def test_merchants_of_the_recent_hour_are_right(shown):
    assert shown.wrong_merchants(merchants(("m1", "EUR", 2, 150), ("m1", "USD", 1, 9))) is None
    assert shown.wrong_merchants(merchants(as_of_ms=NOW + 2 * HOUR_MS)) is None


@pytest.mark.parametrize(
    "rows",
    [
        [("m1", "EUR", 2, 150)],
        [("m1", "EUR", 3, 250), ("m1", "USD", 1, 9)],
        [("m1", "EUR", 2, 150), ("m1", "USD", 1, 9), ("m2", "EUR", 1, 1)],
    ],
)
def test_other_merchants_are_wrong(shown, rows):
    assert "merchant" in shown.wrong_merchants(merchants(*rows))
