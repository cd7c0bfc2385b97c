"""A first result of each window soon after its end, in a table and by a job of its own.

The job applies the same rule to the same log, so that no row counts here which is late for the final result;
only its watermark does not wait for `lateness`. What comes after it is missing in the provisional row and not
in the final one. Nothing of it has to be exact, so it passes over silent partitions, keeps no checkpoint
beyond its own life, and begins anew a little back in the log whenever it is submitted.
"""

from flink_jobs.windows import aggregate, rule, tables
from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.cluster import PREFIX
from flink_jobs.windows.config import Settings
from flink_jobs.windows.declaration import Session
from flink_jobs.windows.plan import Plan, lake, stream
from flink_jobs.windows.source import FUTURE_MS, KafkaSource, source_table
from flink_jobs.windows.sql_text import interval, name, names

SUFFIX = "_provisional"
COMPUTED_AT = "computed_at"
CHECKPOINT_INTERVAL_MS = 1000
IDLE_MS = 1000

# A commit without rows says nothing here: nobody resumes from this table.
_NEVER = {"flink.max-continuous-empty-commits": str(2**31 - 1)}


def job_of(window: str) -> str:
    """Return the name of a window's provisional job, and of its table."""
    return f"{window}{SUFFIX}"


def provisional_plan(window: BoundWindow, settings: Settings, now_ms: int) -> Plan:
    """Return the provisional job of a window that declares one, submitted at `now_ms`.

    It writes windows that began no more than a window's length and waiting time ago. Records before those can
    make no row of them late: none is dated more than FUTURE_MS after its arrival, and the job reads from
    FUTURE_MS earlier on.

    Raises:
        ValueError: it declares none.
    """
    declared = window.declaration
    provisional, assign = declared.provisional, declared.assign
    if provisional is None or isinstance(assign, Session):
        raise ValueError(f"window {declared.window} declares no provisional result")
    first_ms = now_ms - assign.size - declared.settle_ms
    job = job_of(settings.qualified(declared.window))
    source = KafkaSource(
        settings.bootstrap_servers,
        settings.registry_url,
        declared.topic,
        f"{PREFIX}{job}",
        since_ms=first_ms - FUTURE_MS,
    )
    # The arrival bounds it: one event that is dated ahead would close windows which are still filling.
    watermark = f"LEAST(`et`, `kafka_time`) - {interval(provisional.after)}"
    table = job_of(declared.table)
    return Plan(
        name=f"{PREFIX}{job}",
        window=window,
        bounded=False,
        configuration=stream(settings, job, CHECKPOINT_INTERVAL_MS)
        | {
            "parallelism.default": "1",
            "table.exec.source.idle-timeout": f"{IDLE_MS} ms",
            "execution.checkpointing.externalized-checkpoint-retention": "DELETE_ON_CANCELLATION",
            "execution.checkpointing.num-retained": "1",
        },
        setup=(
            *lake(settings),
            tables.create(settings.database, table, columns(window), _NEVER),
            source_table(window, source, watermark),
            *rule.views(window, bounded=False),
        ),
        inserts=(tables.insert(settings.database, table, _query(window, first_ms)),),
    )


def columns(window: BoundWindow) -> dict[str, str]:
    """Return the columns of the provisional table: the window's own, and when the row was computed."""
    return tables.columns(window) | {COMPUTED_AT: tables.STAMP}


def _query(window: BoundWindow, first_ms: int) -> str:
    rows = aggregate.query(window, bounded=False)
    computed_at = f"CAST(CURRENT_TIMESTAMP AS {tables.STAMP}) AS {name(COMPUTED_AT)}"
    return (
        f"SELECT {names(tables.columns(window))}, {computed_at}\n"
        f"FROM (\n{rows}\n) WHERE `window_start` >= TO_TIMESTAMP_LTZ({first_ms}, 3)"
    )
