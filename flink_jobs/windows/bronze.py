"""The topic's bronze table as the log: the same columns as `source.source_table` has, for a batch.

Kafka keeps days, bronze keeps everything; a record has the same partition, offset, time and fields in both.
"""

from collections.abc import Iterator, Mapping

from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.errors import StartRefusedError
from flink_jobs.windows.fields import Field
from flink_jobs.windows.source import LOG, Reach, bounded_time, milliseconds, misdated
from flink_jobs.windows.sql_text import name, text
from flink_jobs.windows.tables import qualified

BRONZE = "bronze"


def bronze_view(window: BoundWindow, topic_id: str, reach: Reach, *, called: str = LOG) -> str:
    """Return the statement that declares a view of the rows of `reach` in the topic's bronze table.

    Args:
        window: its declaration.
        topic_id: whose rows; a topic that was made again under its name uses the same offsets once more.
        reach: bounded; an empty `stop` ends at what the table holds when the job starts.
        called: the view's name.

    Raises:
        StartRefusedError: bronze keeps a field in a form that differs from Kafka's.
    """
    fields = [f"{_value(field)} AS {name(field.name)}" for field in window.fields]
    fields += [
        "`_partition` AS `source_partition`",
        "`_offset` AS `source_offset`",
        "CAST(`_ingest_time` AS TIMESTAMP_LTZ(3)) AS `kafka_time`",
        "`_heartbeat` AS `heartbeat`",
    ]
    # A row that could not be decoded has no event time; one of a refined topic is never such a row.
    conditions = [f"`_topic_id` = {text(topic_id)}", "`_error` IS NULL", *_within(reach)]
    table = qualified(BRONZE, table_name(window.declaration.topic))
    rows = f"SELECT {', '.join(fields)}\n  FROM {table} WHERE {' AND '.join(conditions)}"
    time = bounded_time(window.event_time)
    return (
        f"CREATE TEMPORARY VIEW {name(called)} AS\nSELECT *, {misdated(window.event_time)} AS `misdated`,"
        f" {time} AS `ts`, TO_TIMESTAMP_LTZ({time}, 3) AS `et` FROM (\n  {rows}\n)"
    )


def table_name(topic: str) -> str:
    """Return the name that lake_sink gives the bronze table of a topic."""
    return topic.replace(".", "_").replace("-", "_")


def _value(field: Field) -> str:
    if field.logical is None:
        return name(field.name)
    if field.logical == "timestamp-millis":
        return f"CAST({milliseconds(name(field.name))} AS BIGINT)"
    raise StartRefusedError(
        f"{field.name} is a {field.logical}, which bronze keeps in another form than Kafka: windows over it"
        " read timestamp-millis only. Replay from Kafka, or leave the field out of the window"
    )


def _within(reach: Reach) -> Iterator[str]:
    stop: Mapping[int, int] = reach.stop or {}
    for sign, offsets in ((">=", reach.start), ("<", stop)):
        if offsets:
            rows = (
                f"(`_partition` = {p} AND `_offset` {sign} {offset})" for p, offset in sorted(offsets.items())
            )
            yield f"({' OR '.join(rows)})"
