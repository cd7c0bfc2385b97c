"""The present: a Poisson process at the wanted rate, continuing the past, with declared flaws."""

from collections import Counter
from itertools import islice, pairwise

import pytest

from payments.simulator import CLICKS, FRAUD_REPORTS, TRANSACTIONS, Flaw, Flaws, World, WorldParameters, live
from payments.simulator.history import open_reports

NOW_MS = 1_795_000_000_000
WORLD = World.ending_at(
    NOW_MS, parameters=WorldParameters(customers=300, terminals=600, compromised_terminals_per_day=6)
)


def take(size, rate=100.0, **options):
    return list(islice(live(WORLD, NOW_MS, rate, **options), size))


def test_arrivals_are_in_order_at_the_rate_and_on_time():
    arrivals = take(6_000)
    assert all(earlier.due_ms <= later.due_ms for earlier, later in pairwise(arrivals))
    payments = [arrival for arrival in arrivals if arrival.topic == TRANSACTIONS]
    seconds = (arrivals[-1].due_ms - NOW_MS) / 1000
    assert len(payments) / seconds == pytest.approx(100, rel=0.06)
    assert all(arrival.value["event_time"] == arrival.due_ms for arrival in arrivals)
    assert {arrival.topic for arrival in arrivals} >= {TRANSACTIONS, CLICKS}


def test_flaws_have_their_shares():
    arrivals = [
        a for a in take(30_000, rate=1000.0, flaws=Flaws(0.05, 0.04, 0.03)) if a.topic == TRANSACTIONS
    ]
    counts = Counter(arrival.flaw for arrival in arrivals)
    sent = len(arrivals) - counts[Flaw.RETRY]
    assert counts[Flaw.LATE] / sent == pytest.approx(0.04, rel=0.15)
    assert counts[Flaw.MALFORMED] / sent == pytest.approx(0.03, rel=0.15)
    assert counts[Flaw.RETRY] / sent == pytest.approx(0.05, rel=0.2)


def test_a_retry_repeats_an_earlier_arrival_byte_for_byte():
    arrivals = take(5_000, flaws=Flaws(0.1, 0.0, 0.0))
    seen = {}
    retries = 0
    for arrival in arrivals:
        if arrival.flaw is Flaw.RETRY:
            retries += 1
            assert seen[arrival.value["transaction_id"]] == arrival.value
        elif arrival.topic == TRANSACTIONS:
            assert arrival.value["transaction_id"] not in seen
            seen[arrival.value["transaction_id"]] = arrival.value
    assert retries > 100


def test_a_late_arrival_happened_a_minute_to_an_hour_before_it_is_sent():
    late = [a for a in take(2_000, flaws=Flaws(0.0, 1.0, 0.0)) if a.flaw is Flaw.LATE]
    delays = [arrival.due_ms - arrival.value["event_time"] for arrival in late]
    assert min(delays) >= 60_000
    assert 1_000_000 < max(delays) <= 3_600_000


def test_malformed_arrivals_are_broken_in_three_ways():
    broken = [a.value for a in take(500, flaws=Flaws(0.0, 0.0, 1.0)) if a.flaw is Flaw.MALFORMED]
    assert any(isinstance(value["amount_minor"], str) for value in broken)
    assert any("customer_id" not in value for value in broken)
    assert any(value["entry_mode"] == "TELEPATHY" for value in broken)


def test_reports_of_the_pasts_last_frauds_come_when_they_are_due():
    expected = open_reports(WORLD, NOW_MS)
    wanted = [report for report in expected if report["event_time"] < NOW_MS + 2 * 86_400_000]
    got = []
    for arrival in live(WORLD, NOW_MS, rate=0.05):
        if arrival.due_ms >= NOW_MS + 2 * 86_400_000:
            break
        if arrival.topic == FRAUD_REPORTS and arrival.value["transaction_id"].startswith("h"):
            got.append(arrival.value)
            assert arrival.due_ms == arrival.value["event_time"]
    assert got == wanted
    assert got


def test_live_frauds_are_reported_too():
    found = [
        arrival.value["transaction_id"]
        for arrival in islice(live(WORLD, NOW_MS, rate=0.02), 9_000)
        if arrival.topic == FRAUD_REPORTS
    ]
    assert any(transaction.startswith("l") for transaction in found)


def test_two_runs_never_share_an_id_and_one_run_is_repeatable():
    first = take(300)
    assert first == take(300)
    second = list(islice(live(WORLD, NOW_MS + 60_000, 100.0), 300))
    ids = {arrival.value.get("transaction_id") for arrival in first if arrival.topic == TRANSACTIONS}
    assert ids.isdisjoint(a.value.get("transaction_id") for a in second if a.topic == TRANSACTIONS)
