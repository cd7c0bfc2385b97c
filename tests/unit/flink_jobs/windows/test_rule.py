import pytest

from flink_jobs.windows.rule import views
from tests.support.window_declarations import HOP, SESSION, TUMBLE, bound


def view(name, *, bounded=False, **changes):
    found = {sql.split("`")[1]: sql for sql in views(bound(**changes), bounded=bounded)}
    return " ".join(found[name].split())


@pytest.mark.parametrize(("bounded", "order"), [(False, "`arrival`"), (True, "`source_offset`")])
def test_the_maximum_runs_over_a_partition_in_the_order_of_its_rows(bounded, order):
    assert (
        f"MAX(`ts`) OVER (PARTITION BY `source_partition` ORDER BY {order}"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - 305000 AS `horizon`"
    ) in view("input", bounded=bounded)


def test_heartbeats_and_unwanted_rows_go_after_the_maximum_which_they_move():
    sql = view("input", where={"outcome": "DECLINE"})
    inner, outer = sql.rsplit("FROM `log`", 1)
    assert "WHERE" not in inner
    assert outer == " ) WHERE NOT `heartbeat` AND (`outcome` IN ('DECLINE') IS TRUE)"


@pytest.mark.parametrize("assign", [TUMBLE, HOP])
def test_a_row_is_late_for_each_window_that_is_closed_for_it(assign):
    closed = "CAST(`window_end` AS TIMESTAMP_LTZ(3)) <= `horizon`"
    assert f"FROM `assigned` WHERE NOT ({closed})" in view("timely", assign=assign)
    assert f"FROM `assigned` WHERE {closed} UNION ALL" in view("late", assign=assign)


def test_a_hop_begins_every_slide_and_lasts_its_size():
    sql = view("assigned", assign=HOP)
    assert "INTERVAL '0 00:01:00.000' DAY(3) TO SECOND(3), INTERVAL '0 00:05:00.000'" in sql


def test_a_session_row_is_late_by_its_own_time():
    assert "WHERE `misdated` IS NULL AND NOT (`et` <= `horizon`)" in view("timely", assign=SESSION)
    late = view("late", assign=SESSION)
    assert "FROM `input` WHERE `misdated` IS NULL AND `et` <= `horizon`" in late


@pytest.mark.parametrize("assign", [TUMBLE, HOP, SESSION])
def test_a_misdated_row_is_late_once_with_its_reason_and_without_a_window(assign):
    late = view("late", assign=assign).split("UNION ALL")[1]
    assert "`misdated` AS `reason`, CAST(NULL AS TIMESTAMP_LTZ(6)) AS `window_start`" in late
    assert late.endswith("FROM `input` WHERE `misdated` IS NOT NULL")
