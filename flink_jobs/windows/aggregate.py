"""The aggregates of a declaration over the rows in time, as one query; columns as in `tables.columns`."""

from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.declaration import Aggregate, Session
from flink_jobs.windows.rule import TIMELY
from flink_jobs.windows.sql_text import condition, interval, name, names


def query(window: BoundWindow, *, bounded: bool) -> str:
    """Return the query for the window's rows."""
    assign = window.declaration.assign
    if not isinstance(assign, Session):
        return _grouped(window, f"{name(TIMELY)}", "`window_start`, `window_end`")
    if bounded:
        return _islands(window, assign)
    keys = names(field.name for field in window.keys)
    rows = f"TABLE {name(TIMELY)} PARTITION BY ({keys})"
    relation = f"TABLE(SESSION({rows}, DESCRIPTOR(`et`), {interval(assign.gap)}))"
    return _grouped(window, relation, "`window_start`, `window_end`")


def _grouped(window: BoundWindow, relation: str, window_columns: str) -> str:
    keys = names(field.name for field in window.keys)
    start, end = "CAST(`window_start` AS TIMESTAMP_LTZ(6))", "CAST(`window_end` AS TIMESTAMP_LTZ(6))"
    return (
        f"SELECT {keys}, {start} AS `window_start`, {end} AS `window_end`,\n  {_columns(window)}\n"
        f"FROM {relation}\nGROUP BY {window_columns}, {keys}"
    )


def _islands(window: BoundWindow, assign: Session) -> str:
    """Sessions as gaps and islands: Flink has no session windows in batch."""
    keys = names(field.name for field in window.keys)
    fields = names(field.name for field in window.fields)
    frame = f"PARTITION BY {keys} ORDER BY `ts`, `source_partition`, `source_offset`"
    return (
        f"SELECT {keys}, {_stamp('MIN(`ts`)')} AS `window_start`,"
        f" {_stamp(f'MAX(`ts`) + {assign.gap}')} AS `window_end`,\n  {_columns(window)}\n"
        f"FROM (SELECT {fields}, `ts`, SUM(`begins`) OVER ({frame}) AS `island` FROM (\n"
        f"  SELECT {fields}, `ts`, `source_partition`, `source_offset`,\n"
        f"    CASE WHEN `ts` <= LAG(`ts`) OVER ({frame}) + {assign.gap} THEN 0 ELSE 1 END AS `begins`\n"
        f"  FROM {name(TIMELY)}))\nGROUP BY {keys}, `island`"
    )


def _stamp(milliseconds: str) -> str:
    return f"CAST(TO_TIMESTAMP_LTZ({milliseconds}, 3) AS TIMESTAMP_LTZ(6))"


def _columns(window: BoundWindow) -> str:
    declared = window.declaration
    columns = [
        f"{_aggregate(aggregate)} AS {name(column)}" for column, aggregate in declared.aggregates.items()
    ]
    for column, derived in declared.derived.items():
        dividend, divisor = (_aggregate(declared.aggregates[term]) for term in derived.ratio)
        columns.append(f"CAST({dividend} AS DOUBLE) / NULLIF({divisor}, 0) AS {name(column)}")
    return ",\n  ".join(columns)


def _aggregate(aggregate: Aggregate) -> str:
    field = name(aggregate.field or "")
    call = {
        "count": "COUNT(*)",
        "count_distinct": f"COUNT(DISTINCT {field})",
        "sum": f"SUM(CAST({field} AS BIGINT))",
        "min": f"MIN({field})",
        "max": f"MAX({field})",
    }[aggregate.function]
    return f"{call} FILTER (WHERE {condition(aggregate.where)})" if aggregate.where else call
