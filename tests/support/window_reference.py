"""What a window job must write, worked out row by row from the log: no SQL, no watermark, no state.

It follows the rule of flink_jobs/windows/README.md, written independently of the SQL, so that both can be
wrong in different ways only. Times are milliseconds since 1970-01-01 UTC.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flink_jobs.windows.declaration import Aggregate, Condition, Hop, Session, Tumble, WindowDeclaration

FUTURE_MS = 300_000
Row = Mapping[str, Any]


@dataclass(frozen=True)
class LogRow:
    """One record of the topic as a reader sees it."""

    partition: int
    offset: int
    kafka_ms: int
    value: Row
    heartbeat: bool = False


@dataclass
class Expected:
    """Rows of the window's table, and of its late table by (partition, offset, window start or None)."""

    rows: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    late: dict[tuple[int, int, int | None], str] = field(default_factory=dict)


def replay(
    declared: WindowDeclaration,
    log: Iterable[LogRow],
    event_time: str = "event_time",
    *,
    closed_only: bool = False,
) -> Expected:
    """What the job must have written after `log`; `closed_only` leaves out windows that may still grow."""
    ordered = sorted(log, key=lambda row: (row.partition, row.offset))
    settle = declared.out_of_orderness + declared.lateness
    expected = Expected()
    highest: dict[int, int] = {}
    members: dict[tuple[Any, ...], list[tuple[int, Row]]] = {}
    for row in ordered:
        happened = row.value[event_time]
        time = max(min(happened, row.kafka_ms + FUTURE_MS), 0)
        highest[row.partition] = max(time, highest.get(row.partition, time))
        if row.heartbeat or not _holds(declared.where, row.value):
            continue
        key = ("tenant", *declared.keys)
        identity: tuple[Any, ...] = tuple(row.value[name] for name in key)
        if happened != time:
            reason = "future" if happened > time else "before_1970"
            expected.late[row.partition, row.offset, None] = reason
            continue
        horizon = highest[row.partition] - settle
        if isinstance(declared.assign, Session):
            if time <= horizon:
                expected.late[row.partition, row.offset, None] = "late"
            else:
                members.setdefault(identity, []).append((time, row.value))
            continue
        for start, end in _windows(declared.assign, time):
            if end <= horizon:
                expected.late[row.partition, row.offset, start] = "late"
            else:
                members.setdefault((*identity, start, end), []).append((time, row.value))
    groups = _sessions(members, declared.assign.gap) if isinstance(declared.assign, Session) else members
    for group, rows in groups.items():
        if not closed_only or group[-1] <= min(highest.values()) - settle:
            expected.rows[group] = _aggregated(declared, [value for _, value in rows])
    return expected


def _windows(assign: Tumble | Hop, time: int) -> list[tuple[int, int]]:
    slide = assign.slide if isinstance(assign, Hop) else assign.size
    last = time // slide * slide
    return [(start, start + assign.size) for start in range(last, time - assign.size, -slide)]


def _sessions(
    members: Mapping[tuple[Any, ...], list[tuple[int, Row]]], gap: int
) -> dict[tuple[Any, ...], list[tuple[int, Row]]]:
    found: dict[tuple[Any, ...], list[tuple[int, Row]]] = {}
    for identity, rows in members.items():
        session: list[tuple[int, Row]] = []
        for time, value in sorted(rows, key=lambda each: each[0]):
            if session and time - session[-1][0] > gap:
                found[*identity, session[0][0], session[-1][0] + gap] = session
                session = []
            session.append((time, value))
        found[*identity, session[0][0], session[-1][0] + gap] = session
    return found


def _aggregated(declared: WindowDeclaration, rows: list[Row]) -> dict[str, Any]:
    result: dict[str, Any] = {
        name: _aggregate(aggregate, rows) for name, aggregate in declared.aggregates.items()
    }
    for name, derived in declared.derived.items():
        dividend, divisor = (result[term] for term in derived.ratio)
        result[name] = dividend / divisor if divisor and dividend is not None else None
    return result


def _aggregate(aggregate: Aggregate, rows: list[Row]) -> Any:
    rows = [row for row in rows if _holds(aggregate.where, row)]
    if aggregate.field is None:
        return len(rows)
    values = [row[aggregate.field] for row in rows if row[aggregate.field] is not None]
    if aggregate.function == "count_distinct":
        return len(set(values))
    if not values:
        return None
    if aggregate.function == "sum":
        return sum(values)
    return min(values) if aggregate.function == "min" else max(values)


def _holds(condition: Condition, row: Row) -> bool:
    return all(
        row[name] in (expected if isinstance(expected, tuple) else (expected,)) and row[name] is not None
        for name, expected in condition.items()
    )
