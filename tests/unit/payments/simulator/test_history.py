"""The past as it is loaded: complete, in order, ending now."""

from collections import Counter
from itertools import pairwise

from payments.simulator import CLICKS, FRAUD_REPORTS, TRANSACTIONS, World, WorldParameters, history
from payments.simulator.history import open_reports

NOW_MS = 1_795_000_000_000
SMALL = WorldParameters(customers=300, terminals=600, compromised_terminals_per_day=6)


def world():
    return World.ending_at(NOW_MS, parameters=SMALL)


def test_history_is_in_event_time_order_and_ends_now():
    arrivals = list(history(world(), NOW_MS, days=6))
    assert all(earlier.due_ms <= later.due_ms for earlier, later in pairwise(arrivals))
    assert all(arrival.due_ms == arrival.value["event_time"] for arrival in arrivals)
    assert arrivals[0].due_ms >= world().start_ms(59)
    assert NOW_MS - 3_600_000 < arrivals[-1].due_ms < NOW_MS


def test_history_holds_all_three_topics_with_unique_ids():
    arrivals = list(history(world(), NOW_MS, days=20))
    counts = Counter(arrival.topic for arrival in arrivals)
    assert set(counts) == {TRANSACTIONS, FRAUD_REPORTS, CLICKS}
    names = {TRANSACTIONS: "transaction_id", FRAUD_REPORTS: "report_id", CLICKS: "click_id"}
    ids = [(arrival.topic, arrival.value[names[arrival.topic]]) for arrival in arrivals]
    assert len(set(ids)) == len(ids)


def test_every_report_names_a_transaction_that_came_before_it():
    payments = {}
    for arrival in history(world(), NOW_MS, days=20):
        if arrival.topic == TRANSACTIONS:
            payments[arrival.value["transaction_id"]] = arrival.value
        elif arrival.topic == FRAUD_REPORTS:
            report = arrival.value
            payment = payments[report["transaction_id"]]
            assert report["terminal_id"] == payment["terminal_id"]
            assert report["transaction_time"] == payment["event_time"] < report["event_time"]


def test_open_reports_are_those_that_history_leaves_for_later():
    loaded = {
        arrival.value["report_id"]
        for arrival in history(world(), NOW_MS, days=20)
        if arrival.topic == FRAUD_REPORTS
    }
    due = open_reports(world(), NOW_MS, days=20)
    assert due
    assert all(report["event_time"] >= NOW_MS for report in due)
    assert all(report["transaction_time"] < NOW_MS for report in due)
    assert loaded.isdisjoint(report["report_id"] for report in due)


def test_history_is_the_same_each_time():
    assert list(history(world(), NOW_MS, days=2)) == list(history(world(), NOW_MS, days=2))


def test_history_never_begins_before_the_first_day():
    small = WorldParameters(customers=30, terminals=600)
    young = World.ending_at(NOW_MS, past_days=2, parameters=small)
    assert next(iter(history(young, NOW_MS, days=37))).due_ms >= young.start_ms(0)
