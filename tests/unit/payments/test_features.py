"""Feature values against their declarations."""

import pytest

from payments.features import (
    CUSTOMER_WINDOWS,
    FEATURE_NAMES,
    FEATURES,
    TERMINAL_WINDOWS,
    Key,
    customer_features,
    terminal_features,
    vector,
)
from payments.labels import NO_LABELS, Report
from payments.logs import MemoryLogs
from payments.windows import DAY_MS

START = 1_700_000_000_000
NO_TERMINAL = [0, 0, 0, 0.0, 0.0, 0.0]


def at(days):
    return START + int(days * DAY_MS)


def test_names_are_unique_and_every_window_is_declared():
    assert len(set(FEATURE_NAMES)) == len(FEATURES) == 16
    spans = {feature.span for feature in FEATURES if feature.key is Key.TERMINAL}
    assert spans == set(TERMINAL_WINDOWS.spans)
    assert {feature.span for feature in FEATURES if feature.key is Key.CUSTOMER} == set(
        CUSTOMER_WINDOWS.spans
    )
    assert all(feature.zone == "UTC" for feature in FEATURES if feature.name in {"is_night", "is_weekend"})


def test_a_customers_windows_hold_the_current_transaction_and_reach_back_whole_days():
    logs = MemoryLogs()
    for days, amount in ((0, 1000), (25, 2000), (29.5, 3000)):
        found = customer_features(logs, "default", "c1", "EUR", at(days), amount)
    assert found == {
        "count_1d": 1,
        "count_7d": 2,
        "count_30d": 3,
        "mean_amount_minor_1d": 3000.0,
        "mean_amount_minor_7d": 2500.0,
        "mean_amount_minor_30d": 2000.0,
    }
    assert customer_features(logs, "default", "c1", "EUR", at(30), 4000)["count_30d"] == 3


@pytest.mark.parametrize(
    ("tenant", "customer", "currency"),
    [("other", "c1", "EUR"), ("default", "c2", "EUR"), ("default", "c1", "USD")],
)
def test_tenants_customers_and_currencies_never_share_a_window(tenant, customer, currency):
    logs = MemoryLogs()
    customer_features(logs, "default", "c1", "EUR", at(0), 1000)
    assert customer_features(logs, tenant, customer, currency, at(0.1), 500)["count_1d"] == 1


def test_a_terminals_windows_end_seven_days_before_the_transaction():
    logs = MemoryLogs()
    for days in (0, 10, 12.5, 19):
        terminal_features(logs, "default", "t1", at(days), NO_LABELS)
    # At day 20: (12, 13], (6, 13] and (-17, 13]; the window's end belongs to it.
    assert terminal_features(logs, "default", "t1", at(20), NO_LABELS)[:3] == [1, 2, 3]
    assert terminal_features(logs, "default", "t1", at(26), NO_LABELS)[:3] == [1, 2, 4]


def test_risk_counts_what_was_reported_by_the_time_of_the_transaction():
    logs = MemoryLogs()
    labels = NO_LABELS.with_report(Report("a", at(10), at(12))).with_report(Report("b", at(12.5), at(21)))
    for days in (0, 10, 12.5):
        terminal_features(logs, "default", "t1", at(days), labels)
    # b's fraud lies in the window from day 19.5 on, but is reported only on day 21.
    assert terminal_features(logs, "default", "t1", at(20), labels)[3:] == [0.0, 0.5, 1 / 3]
    assert terminal_features(logs, "default", "t1", at(21.5), labels)[3:] == [0.0, 1.0, 2 / 3]


def test_a_report_of_a_transaction_that_the_log_never_held_makes_no_risk_above_one():
    logs = MemoryLogs()
    labels = NO_LABELS.with_report(Report("a", at(1), at(2))).with_report(Report("b", at(1.5), at(2)))
    terminal_features(logs, "default", "t1", at(1), labels)
    assert terminal_features(logs, "default", "t1", at(8.5), labels)[3:] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("time_ms", "night", "weekend"),
    [
        (1_699_833_600_000, 1, 0),  # Monday 2023-11-13 00:00 UTC
        (1_699_833_600_000 + 7 * 3_600_000 - 1, 1, 0),
        (1_699_833_600_000 + 7 * 3_600_000, 0, 0),
        (1_699_833_600_000 + 5 * DAY_MS + 43_200_000, 0, 1),  # Saturday noon
        (1_699_833_600_000 + 7 * DAY_MS - 1, 0, 1),
    ],
)
def test_nights_and_weekends_are_those_of_the_declared_zone(time_ms, night, weekend):
    customer = customer_features(MemoryLogs(), "default", "c1", "EUR", time_ms, 1000)
    found = dict(zip(FEATURE_NAMES, vector(1000, time_ms, customer, NO_TERMINAL), strict=True))
    assert (found["is_night"], found["is_weekend"]) == (night, weekend)


def test_the_vector_follows_the_declared_order():
    customer = {f"count_{d}d": d for d in (1, 7, 30)} | {
        f"mean_amount_minor_{d}d": 100.0 * d for d in (1, 7, 30)
    }
    found = dict(zip(FEATURE_NAMES, vector(1500, START, customer, [2, 3, 4, 0.2, 0.3, 0.4]), strict=True))
    assert found["customer_count_7d"] == 7
    assert found["customer_mean_amount_minor_30d"] == 3000.0
    assert found["amount_ratio_30d"] == 0.5
    assert (found["terminal_count_1d"], found["terminal_risk_30d"]) == (2, 0.4)


def test_an_amount_of_nothing_has_a_ratio_of_one():
    customer = customer_features(MemoryLogs(), "default", "c1", "EUR", START, 0)
    assert (
        dict(zip(FEATURE_NAMES, vector(0, START, customer, NO_TERMINAL), strict=True))["amount_ratio_30d"]
        == 1.0
    )
