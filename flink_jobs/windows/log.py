"""The log that a job reads: the topic, its bronze table, or bronze up to a seam and then the topic."""

from dataclasses import replace

from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.bronze import bronze_view
from flink_jobs.windows.source import LOG, KafkaSource, Reach, source_table
from flink_jobs.windows.sql_text import name, names

OLDER, NEWER = "older", "newer"
_BESIDE = ("source_partition", "source_offset", "kafka_time", "heartbeat", "misdated", "ts", "et")


def log_of(window: BoundWindow, source: KafkaSource) -> list[str]:
    """Return the statements that declare table or view `log`, as `source.reach` has it.

    Raises:
        StartRefusedError: bronze keeps a field in a form that differs from Kafka's.
    """
    reach = source.reach
    if reach.bronze_of is None:
        return [source_table(window, source)]
    if not reach.seam:
        return [bronze_view(window, reach.bronze_of, reach)]
    begins = {
        partition: max(offset, reach.start.get(partition, 0)) for partition, offset in reach.seam.items()
    }
    columns = names((*(each.name for each in window.fields), *_BESIDE))
    parts = "\nUNION ALL\n".join(f"SELECT {columns} FROM {name(each)}" for each in (OLDER, NEWER))
    return [
        bronze_view(window, reach.bronze_of, replace(reach, stop=reach.seam), called=OLDER),
        source_table(window, replace(source, reach=Reach(begins, reach.stop)), called=NEWER),
        f"CREATE TEMPORARY VIEW {name(LOG)} AS\n{parts}",
    ]
