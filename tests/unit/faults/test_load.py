"""The load: what it holds, and that it ends when it is told to."""

from itertools import islice

from payments.simulator import CLICKS, FRAUD_REPORTS, TRANSACTIONS, Flaw
from tests.faults.load import AHEAD_MS, DAY_MS, EVENT_IDS, arrivals, until

NOW = 1_790_000_000_000


def drawn(count=3000, seed=1):
    return list(islice(arrivals(seed, NOW, 40.0), count))


def test_events_come_in_order_at_the_rate():
    due = [arrival.due_ms for arrival in drawn()]
    assert due == sorted(due)
    seconds = (due[-1] - due[0]) / 1000
    assert 35 < len(due) / seconds < 55, "40 a second, and repeats and reports"


def test_the_same_seed_and_time_give_the_same_events():
    assert drawn(200) == drawn(200)
    assert drawn(200) != drawn(200, seed=2)


def test_event_ids_are_unique_but_for_repeats():
    events = [each for each in drawn() if each.flaw is None]
    ids = [(each.topic, each.value[EVENT_IDS[each.topic]]) for each in events]
    assert len(set(ids)) == len(ids)
    repeats = [each for each in drawn() if each.flaw is Flaw.RETRY]
    assert repeats
    assert {(each.topic, each.value[EVENT_IDS[each.topic]]) for each in repeats} <= set(ids)


def test_there_is_something_of_everything():
    events = drawn()
    assert {each.topic for each in events} == {TRANSACTIONS, CLICKS, FRAUD_REPORTS}
    assert {each.flaw for each in events} == {None, Flaw.RETRY, Flaw.MALFORMED}
    ages = [each.due_ms - each.value["event_time"] for each in events if each.topic == TRANSACTIONS]
    assert sum(age > 8 * DAY_MS for age in ages) > 300, "terminals' windows end seven days back"
    assert sum(age > 38 * DAY_MS for age in ages) > 3, "and some lie behind every window"
    assert sum(age < 1000 for age in ages) > 1000


def test_reports_follow_their_transactions():
    events = drawn()
    known = {
        each.value["transaction_id"]: each.value["event_time"]
        for each in events
        if each.topic == TRANSACTIONS
    }
    for each in events:
        if each.topic == FRAUD_REPORTS:
            assert each.value["transaction_time"] == known[each.value["transaction_id"]]
            assert each.value["event_time"] == each.due_ms


def test_it_ends_when_told():
    left = [3]

    def stopped():
        left[0] -= 1
        return left[0] < 0

    assert len(list(until(arrivals(1, NOW, 40.0), stopped))) == 3


def test_some_events_are_ahead_where_windows_are_to_close():
    def most(**options):
        events = islice(arrivals(1, NOW, 40.0, **options), 500)
        return max(each.value["event_time"] - each.due_ms for each in events if each.topic != FRAUD_REPORTS)

    assert most() == 0
    assert most(ahead=True) == AHEAD_MS
