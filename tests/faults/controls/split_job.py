"""The well-known way to split late rows off a Flink SQL window: by CURRENT_WATERMARK, in place of our rule.

A program for the environment that has PyFlink: `python -m tests.faults.controls.split_job WINDOW NAMESPACE`
submits a declared window twice: as ours, and split so, into the tables of the namespace. All else (source,
watermark, aggregates, checkpoints) is the same.
"""

import json
import os
import sys
import time
from dataclasses import replace

from flink_jobs.windows import rule
from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.config import Settings
from flink_jobs.windows.declaration import Session
from flink_jobs.windows.load import load
from flink_jobs.windows.plan import Plan, plan
from flink_jobs.windows.source import LOG
from flink_jobs.windows.sql_text import interval, name
from flink_jobs.windows.submit import submit
from flink_jobs.windows.tables import late_columns

# Null until the first watermark, so that rows before it are in time: the documentation's own pattern
# (Flink SQL, system functions, CURRENT_WATERMARK). A window is closed from a millisecond before its end on.
_CLOSED = (
    "CURRENT_WATERMARK(`et`) IS NOT NULL"
    " AND CAST(`window_end` AS TIMESTAMP_LTZ(3)) - INTERVAL '0.001' SECOND(3) <= CURRENT_WATERMARK(`et`)"
)


def views(window: BoundWindow) -> list[str]:
    """The statements in the place of `rule.views`: `timely` and `late`, told apart by the watermark.

    Raises:
        ValueError: the window is not a tumbling one; the control needs no more.
    """
    assign = window.declaration.assign
    if isinstance(assign, Session) or hasattr(assign, "slide"):
        raise ValueError(f"{window.declaration.window} is not a tumbling window")
    columns = {each: name(each) for each in late_columns(window)}
    columns["reason"] = "'late'"
    for each in ("window_start", "window_end", "kafka_time"):
        columns[each] = f"CAST({name(each)} AS TIMESTAMP_LTZ(6))"
    shown = ", ".join(f"{value} AS {name(each)}" for each, value in columns.items())
    tumble = f"TUMBLE(TABLE `input`, DESCRIPTOR(`et`), {interval(assign.size)})"
    return [
        _view(rule.INPUT, "*", f"{name(LOG)} WHERE NOT `heartbeat` AND `misdated` IS NULL"),
        _view("assigned", "*", f"TABLE({tumble})"),
        _view(rule.TIMELY, "*", f"`assigned` WHERE NOT ({_CLOSED})"),
        _view(rule.LATE, shown, f"`assigned` WHERE {_CLOSED}"),
    ]


def split_by_watermark(ours: Plan) -> Plan:
    """Our plan with the other split in it. ValueError when our rule is not where it was."""
    rules = rule.views(ours.window, bounded=False)
    kept = tuple(statement for statement in ours.setup if statement not in rules)
    if len(kept) + len(rules) != len(ours.setup):
        raise ValueError("the plan does not hold the rule's views: this control has to be brought up to date")
    return replace(ours, setup=(*kept, *views(ours.window)))


def main(wanted: str, namespace: str) -> None:
    """Submit both jobs; prints [id of ours, id of the other]. One process: each start of Java is dear."""
    from flink_jobs.windows.job import Session as Cluster  # it starts Java

    settings = Settings.load(os.environ)
    window = load(settings.schemas_dir)[wanted]
    ours = submit({wanted: window}, settings, lambda: time.time_ns() // 1_000_000)
    beside = settings.model_copy(update={"namespace": namespace})
    theirs = Cluster(settings.flink_url).prepare(split_by_watermark(plan(window, beside))).submit()
    sys.stdout.write(json.dumps([ours[wanted], theirs]) + "\n")


def _view(view: str, columns: str, relation: str) -> str:
    return f"CREATE TEMPORARY VIEW {name(view)} AS\nSELECT {columns} FROM {relation}"


if __name__ == "__main__":
    main(*sys.argv[1:])
