"""The rule itself, by its row-by-row reference: what must hold for every log, whatever the SQL looks like."""

from collections import Counter
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.window_declarations import declared
from tests.support.window_reference import LogRow, replay

TUMBLE = {"type": "tumble", "size": "10s"}
HOP = {"type": "hop", "size": "30s", "slide": "10s"}
SESSION = {"type": "session", "gap": "20s"}
ASSIGNERS = st.sampled_from([TUMBLE, HOP, SESSION])
ORDERS = {"orders": {"function": "count"}}
SETTLE_MS = 15_000


def window(assign):
    return declared(assign=assign, keys=["user"], aggregates=ORDERS, out_of_orderness="5s", lateness="10s")


def row(partition, offset, at, kafka_ms=10**6, *, heartbeat=False, user="u"):
    return LogRow(partition, offset, kafka_ms, {"tenant": "t", "user": user, "event_time": at}, heartbeat)


@st.composite
def logs(draw):
    """Two partitions, each a run of times that mostly grow."""
    log = []
    for partition in range(2):
        now = 100_000
        for offset in range(draw(st.integers(1, 25))):
            now += draw(st.integers(0, 8000))
            at = now - draw(st.sampled_from([0, 0, 1, 999, 4000, 14_999, 15_000, 15_001, 40_000]))
            if draw(st.integers(0, 15)) == 0:
                at = now + draw(st.sampled_from([300_000, 300_001, 10**12]))
            user = draw(st.sampled_from("ab"))
            log.append(row(partition, offset, at, now, heartbeat=draw(st.integers(0, 6)) == 0, user=user))
    return log


@settings(deadline=None)
@given(logs(), ASSIGNERS, st.data())
def test_a_row_that_has_come_out_never_changes(log, assign, data):
    cuts = [data.draw(st.integers(0, 25)) for _ in range(2)]
    prefix = [each for each in log if each.offset <= cuts[each.partition]]
    early, late = (
        replay(window(assign), prefix, closed_only=True),
        replay(window(assign), log, closed_only=True),
    )
    assert early.rows.items() <= late.rows.items()
    assert early.late.items() <= late.late.items()


@settings(deadline=None)
@given(logs(), st.sampled_from([TUMBLE, HOP]))
def test_every_row_is_on_time_or_late_for_each_of_its_windows(log, assign):
    found = replay(window(assign), log)
    events = [each for each in log if not each.heartbeat]
    misdated = sum(start is None for _, _, start in found.late)
    slices = {"tumble": 1, "hop": 3}[assign["type"]]
    counted = sum(values["orders"] for values in found.rows.values())
    assert counted + len(found.late) - misdated == (len(events) - misdated) * slices


@settings(deadline=None)
@given(logs())
def test_sessions_of_a_key_are_further_apart_than_the_gap(log):
    found = replay(window(SESSION), log)
    ends = Counter()
    for _, user, start, end in sorted(found.rows, key=lambda key: (key[1], key[2])):
        assert start > ends[user]
        ends[user] = end


@pytest.mark.parametrize(("late_by", "reason"), [(SETTLE_MS - 1, None), (SETTLE_MS, "late")])
def test_a_window_closes_for_a_partition_at_its_end_plus_what_it_waits(late_by, reason):
    end = 110_000
    log = [row(0, 0, end + late_by), row(0, 1, end - 1)]
    assert replay(window(TUMBLE), log).late.get((0, 1, end - 10_000)) == reason


@pytest.mark.parametrize(("late_by", "reason"), [(SETTLE_MS - 1, None), (SETTLE_MS, "late")])
def test_a_session_row_is_late_by_its_own_time(late_by, reason):
    log = [row(0, 0, 110_000 + late_by), row(0, 1, 110_000)]
    assert replay(window(SESSION), log).late.get((0, 1, None)) == reason


def test_another_partitions_time_makes_no_row_late():
    log = [row(1, 0, 900_000), row(0, 0, 100_000), row(0, 1, 100_001)]
    assert not replay(window(TUMBLE), log).late


def test_a_misdated_row_is_put_aside_and_moves_time_by_five_minutes_only():
    log = [row(0, 0, 10**15, 100_000), row(0, 1, 400_000 - SETTLE_MS, 100_000), row(0, 2, 100_000, 100_000)]
    found = replay(window(SESSION), log)
    assert found.late == {(0, 0, None): "future", (0, 1, None): "late", (0, 2, None): "late"}
    assert replay(window(TUMBLE), [row(0, 0, -1)]).late == {(0, 0, None): "before_1970"}


def test_a_heartbeat_moves_time_and_is_nobodys_input():
    offsets = count()
    log = [row(0, next(offsets), 100_000), row(0, next(offsets), 125_000, heartbeat=True)]
    found = replay(window(TUMBLE), log, closed_only=True)
    assert found.rows == {("t", "u", 100_000, 110_000): {"orders": 1}}


def test_the_same_row_for_events_of_every_kind():
    declaration = declared(
        assign=TUMBLE,
        keys=["user"],
        where={"outcome": ["A", "D"]},
        aggregates={
            "n": {"function": "count"},
            "declined": {"function": "count", "where": {"outcome": "D"}},
            "kinds": {"function": "count_distinct", "field": "kind"},
            "total": {"function": "sum", "field": "amount"},
            "least": {"function": "min", "field": "amount"},
            "most": {"function": "max", "field": "amount"},
        },
        derived={"rate": {"ratio": ["declined", "n"]}, "none": {"ratio": ["n", "kinds"]}},
    )
    values = [("A", None, 5), ("D", None, None), ("R", "x", 9), ("D", None, 3)]
    log = [
        LogRow(
            0,
            offset,
            10**6,
            {"tenant": "t", "user": "u", "event_time": 1000, "outcome": o, "kind": k, "amount": a},
        )
        for offset, (o, k, a) in enumerate(values)
    ]
    assert list(replay(declaration, log).rows.values()) == [
        {"n": 3, "declined": 2, "kinds": 0, "total": 8, "least": 3, "most": 5, "rate": 2 / 3, "none": None}
    ]
