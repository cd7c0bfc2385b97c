"""Counts against tables that the row-by-row reference of the window jobs has made."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.refined import Columns
from audit.windowcounts import WindowCounts, count_column
from tests.support.window_declarations import bound
from tests.support.window_reference import replay
from tests.unit.flink_jobs.windows.test_rule_reference import HOP, SESSION, TUMBLE, logs, row

ORDERS = {"orders": {"function": "count"}}
STAMP = pa.timestamp("us", "UTC")


def window(assign):
    return bound(assign=assign, keys=["user"], aggregates=ORDERS, out_of_orderness="5s", lateness="10s")


def columns(log):
    return Columns(
        np.array([each.partition for each in log], np.int64),
        np.array([each.offset for each in log], np.int64),
        np.array([each.kafka_ms for each in log], np.int64),
        np.array([each.heartbeat for each in log], np.bool_),
        {
            "tenant": pa.array([each.value["tenant"] for each in log], pa.string()),
            "user": pa.array([each.value["user"] for each in log], pa.string()),
            "at": pa.array([each.value["event_time"] for each in log], pa.timestamp("ms", "UTC")),
        },
    )


def tables(of, log, closed_only=True):
    """What the window's job has written after `log`, as rows of its two tables."""
    expected = replay(of.declaration, log, closed_only=closed_only)
    size = getattr(of.declaration.assign, "size", None)
    places = {(each.partition, each.offset): each.value["user"] for each in log}
    rows = [
        {"tenant": t, "user": u, "window_start": start * 1000, "window_end": end * 1000, **counted}
        for (t, u, start, end), counted in expected.rows.items()
    ]
    late = [
        {
            "tenant": "t",
            "user": places[partition, offset],
            "reason": reason,
            "window_start": None if start is None else start * 1000,
            "window_end": None if start is None else (start + size) * 1000,
            "source_partition": partition,
            "source_offset": offset,
        }
        for (partition, offset, start), reason in expected.late.items()
    ]
    return rows, late


def as_tables(rows, late):
    keys = [("tenant", pa.string()), ("user", pa.string())]
    times = [("window_start", STAMP), ("window_end", STAMP)]
    places = [("source_partition", pa.int32()), ("source_offset", pa.int64())]
    return (
        pa.Table.from_pylist(rows, pa.schema([*keys, *times, ("orders", pa.int64())])),
        pa.Table.from_pylist(late, pa.schema([*keys, ("reason", pa.string()), *times, *places])),
    )


def spans(log, before=()):
    """Offsets of a log by partition, without those of what came before it."""
    starts, ends = {0: 0, 1: 0}, {0: 0, 1: 0}
    for each in before:
        starts[each.partition] = max(starts[each.partition], each.offset + 1)
    for each in log:
        ends[each.partition] = max(ends[each.partition], each.offset + 1)
    return {partition: (starts[partition], ends[partition]) for partition in starts}


def compared(assign, log, change=lambda rows, late: None):
    of = window(assign)
    counts = WindowCounts(of)
    counts.take(columns(log))
    rows, late = tables(of, log)
    change(rows, late)
    final = counts.final_ms([0, 1])
    return counts.compare(final, *as_tables(rows, late), spans(log))


ASSIGNERS = st.sampled_from([TUMBLE, HOP, SESSION])


@settings(deadline=None)
@given(logs(), ASSIGNERS)
def test_what_a_job_writes_accounts_for_every_record(log, assign):
    tally, _ = compared(assign, log)
    assert (tally.lost, tally.doubled, tally.unexpected) == (0, 0, 0), tally
    assert tally.expected == tally.found


@settings(deadline=None)
@given(logs(), ASSIGNERS, st.data())
def test_a_record_that_is_counted_twice_or_not_at_all_is_found(log, assign, data):
    seen = []

    def falsify(rows, late):
        kinds = [kind for kind, some in (("rows", rows), ("late", late)) if some]
        if not kinds:
            return
        kind = data.draw(st.sampled_from(kinds))
        some = rows if kind == "rows" else late
        at = data.draw(st.integers(0, len(some) - 1))
        more = data.draw(st.booleans())
        relevant = kind == "rows" or assign == SESSION or some[at]["window_start"] is None
        if kind == "rows":
            some[at] = {**some[at], "orders": some[at]["orders"] + (1 if more else -1)}
        elif more:
            some.append(some[at])
        else:
            relevant = (
                relevant and assign != SESSION
            )  # a record that is not late belongs to a session instead
            del some[at]
        if relevant:
            seen.append(more)

    tally, _ = compared(assign, log, falsify)
    if seen:
        assert (tally.lost or tally.unexpected, tally.doubled or tally.unexpected) != (0, 0), tally


@settings(deadline=None)
@given(logs(), ASSIGNERS, st.data())
def test_parts_one_after_the_other_come_to_the_same(log, assign, data):
    cuts = [data.draw(st.integers(0, 25)) for _ in range(2)]
    first = [each for each in log if each.offset <= cuts[each.partition]]
    then = [each for each in log if each.offset > cuts[each.partition]]
    of = window(assign)
    counts = WindowCounts(of)
    whole, _ = compared(assign, log)
    expected = 0
    for part, so_far, before in ((first, first, []), (then, log, first)):
        if part:
            counts.take(columns(part))
        final = counts.final_ms([0, 1])
        rows, late = tables(of, so_far)
        tally, _ = counts.compare(final, *as_tables(rows, late), spans(so_far, before))
        assert (tally.lost, tally.doubled, tally.unexpected) == (0, 0, 0), tally
        expected += tally.expected
        counts.settle()
    assert expected >= whole.expected or assign == SESSION


def test_windows_are_compared_once_no_record_can_reach_them():
    log = [row(0, 0, 100_000), row(0, 1, 129_999), row(1, 0, 125_000)]
    tally, due = compared(TUMBLE, log)
    assert (tally.expected, due.windows, due.open) == (1, 1, 1)
    _, due = compared(TUMBLE, [*log[:2], row(1, 0, 124_999)])
    assert (due.windows, due.open) == (0, 2)
    assert WindowCounts(window(TUMBLE)).final_ms([0, 1]) is None


def test_only_windows_whose_every_record_was_read_are_compared():
    of = window(TUMBLE)
    log = [row(p, n, 100_000 + 5_000 * n) for p in range(2) for n in range(20)]
    counts = WindowCounts(of, since_ms=130_000)
    counts.take(columns(log))
    tally, due = counts.compare(counts.final_ms([0, 1]), *as_tables(*tables(of, log)), spans(log))
    assert (tally.lost, tally.doubled, tally.unexpected, due.windows) == (0, 0, 0, 5)


def test_what_differs_is_named():
    log = [row(p, n, 100_000 + 5_000 * n) for p in range(2) for n in range(20)]

    def falsify(rows, late):
        rows[0]["orders"] += 1
        del rows[1]
        late.append(
            {"tenant": "t", "user": "u", "reason": "future", "source_partition": 1, "source_offset": 3}
        )

    tally, _ = compared(TUMBLE, log, falsify)
    assert tally.examples == [
        "doubled 1 of 4 in sales: tenant t, user u, from 1970-01-01T00:01:40.000+00:00",
        "lost 4 of 4 in sales: tenant t, user u, from 1970-01-01T00:01:50.000+00:00",
        "unexpected 1 of 0 in orders.refined.v1/1/3",
    ]


@pytest.mark.parametrize(
    ("aggregates", "column"),
    [
        (ORDERS, "orders"),
        ({"n": {"function": "count", "where": {"currency": "EUR"}}}, None),
        ({"n": {"function": "count_distinct", "field": "currency"}, **ORDERS}, "orders"),
    ],
)
def test_the_column_that_counts_every_record(aggregates, column):
    assert count_column(bound(aggregates=aggregates)) == column


def test_only_records_that_the_window_takes_belong_to_it():
    of = bound(
        keys=["user"], where={"currency": ["EUR"]}, aggregates=ORDERS, out_of_orderness="5s", lateness="10s"
    )
    counts = WindowCounts(of)
    log = [row(p, n, 100_000 + 60_000 * n) for p in range(2) for n in range(3)]
    some = columns(log)
    some.values["currency"] = pa.array(["EUR", "USD", "EUR", None, "EUR", "USD"])
    counts.take(some)
    tally, _ = counts.compare(counts.final_ms([0, 1]), *as_tables([], []), spans(log))
    assert tally.lost == 2
