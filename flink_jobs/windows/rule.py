"""The rule that tells late rows from those in time, as views over the log. The README says why this one.

A row's partition has a running maximum of event time, itself included. The maximum less out-of-orderness and
lateness is the row's `horizon`: a window that ends at or before it is closed for the row. The horizon is a
function of the log alone, so a restart, another parallelism or a batch comes to the same rows.
"""

from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.declaration import Hop, Session, Tumble
from flink_jobs.windows.source import LOG
from flink_jobs.windows.sql_text import condition, interval, name, names

INPUT = "input"
TIMELY = "timely"
LATE = "late"

_CARRIED = ("source_partition", "source_offset", "kafka_time", "misdated", "ts", "et")


def views(window: BoundWindow, *, bounded: bool) -> list[str]:
    """Return the statements that make the views `timely` (what goes into windows) and `late` (what does not).

    Both have the fields; `timely` has `et` and, unless the window is a session, `window_start` and
    `window_end`; `late` has `reason`, `window_start`, `window_end` (null where there is none) and the row's
    place in the log.
    """
    made = [_view(INPUT, _judged(window, bounded=bounded))]
    if isinstance(window.declaration.assign, Session):
        return made + _session_split(window)
    return made + _window_split(window, window.declaration.assign)


def _judged(window: BoundWindow, *, bounded: bool) -> str:
    order = "`source_offset`" if bounded else "`arrival`"
    carried = names((*(field.name for field in window.fields), *_CARRIED))
    horizon = (
        f"MAX(`ts`) OVER (PARTITION BY `source_partition` ORDER BY {order}"
        f" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - {window.declaration.settle_ms}"
    )
    # Heartbeats and rows of no interest are dropped after the maximum, which they move on like any other row.
    return (
        f"SELECT {carried}, TO_TIMESTAMP_LTZ(`horizon`, 3) AS `horizon` FROM (\n"
        f"  SELECT {carried}, `heartbeat`, {horizon} AS `horizon` FROM {name(LOG)}\n"
        f") WHERE NOT `heartbeat` AND {condition(window.declaration.where)}"
    )


def _window_split(window: BoundWindow, assign: Tumble | Hop) -> list[str]:
    closed = "CAST(`window_end` AS TIMESTAMP_LTZ(3)) <= `horizon`"
    fields = names(field.name for field in window.fields)
    start, end = _stamp("window_start"), _stamp("window_end")
    late = _late(fields, "'late'", start, end, "assigned", closed)
    return [
        _view("dated", f"SELECT * FROM {name(INPUT)} WHERE `misdated` IS NULL"),
        _view("assigned", f"SELECT * FROM TABLE({_assigned(assign)})"),
        _view(TIMELY, f"SELECT * FROM `assigned` WHERE NOT ({closed})"),
        _view(LATE, f"{late}\nUNION ALL\n{_misdated(fields)}"),
    ]


def _session_split(window: BoundWindow) -> list[str]:
    # A session has no end yet when its row comes: the row's own time stands for it.
    closed = "`et` <= `horizon`"
    fields = names(field.name for field in window.fields)
    late = _late(fields, "'late'", _NO_TIME, _NO_TIME, INPUT, f"`misdated` IS NULL AND {closed}")
    return [
        _view(TIMELY, f"SELECT * FROM {name(INPUT)} WHERE `misdated` IS NULL AND NOT ({closed})"),
        _view(LATE, f"{late}\nUNION ALL\n{_misdated(fields)}"),
    ]


_NO_TIME = "CAST(NULL AS TIMESTAMP_LTZ(6))"


def _assigned(assign: Tumble | Hop) -> str:
    if isinstance(assign, Tumble):
        return f"TUMBLE(TABLE `dated`, DESCRIPTOR(`et`), {interval(assign.size)})"
    return f"HOP(TABLE `dated`, DESCRIPTOR(`et`), {interval(assign.slide)}, {interval(assign.size)})"


def _misdated(fields: str) -> str:
    return _late(fields, "`misdated`", _NO_TIME, _NO_TIME, INPUT, "`misdated` IS NOT NULL")


def _late(fields: str, reason: str, start: str, end: str, relation: str, predicate: str) -> str:
    return (
        f"SELECT {fields}, {reason} AS `reason`, {start} AS `window_start`, {end} AS `window_end`,"
        f" `source_partition`, `source_offset`, {_stamp('kafka_time')} AS `kafka_time`"
        f" FROM {name(relation)} WHERE {predicate}"
    )


def _stamp(column: str) -> str:
    return f"CAST({name(column)} AS TIMESTAMP_LTZ(6))"


def _view(view: str, query: str) -> str:
    return f"CREATE TEMPORARY VIEW {name(view)} AS\n{query}"
