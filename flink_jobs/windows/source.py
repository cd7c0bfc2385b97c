"""The Kafka topic as a table: what a row of it is, and when it happened as far as windows are concerned."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.sql_text import interval, name, options

LOG = "log"
FUTURE_MS = 5 * 60_000
"""A row further ahead of its arrival in Kafka is misdated: it moves event time on no further than this."""


def milliseconds(stamp: str) -> str:
    """Return a timestamp expression's milliseconds since 1970 in SQL."""
    return f"(EXTRACT(EPOCH FROM {stamp}) * 1000 + EXTRACT(MILLISECOND FROM {stamp}))"


_LATEST = f"({milliseconds('`kafka_time`')} + {FUTURE_MS})"


@dataclass(frozen=True, slots=True)
class Reach:
    """Which part of the topic a job reads, as partition -> next offset; live jobs read on for ever.

    Without `start` it begins at the oldest record. `stop` makes it a batch; an empty one ends at what is
    readable when the job starts. `bronze_of` is the topic's id when a batch reads its bronze table instead;
    with a `seam`, which then names every partition, only before these offsets, and the topic from there on.
    """

    start: Mapping[int, int] = field(default_factory=dict)
    stop: Mapping[int, int] | None = None
    bronze_of: str | None = None
    seam: Mapping[int, int] = field(default_factory=dict)

    @property
    def bounded(self) -> bool:
        """Whether it ends, and the job with it."""
        return self.stop is not None


@dataclass(frozen=True, slots=True)
class KafkaSource:
    """Where the topic is read from. `registry_url` is the registry's base; its API is the Confluent one.

    `since_ms` begins with what arrived from then on, whatever `reach` says.
    """

    bootstrap_servers: str
    registry_url: str
    topic: str
    group: str
    reach: Reach = field(default_factory=Reach)
    since_ms: int | None = None


def bounded_time(event_time: str) -> str:
    """Return SQL for a row's event time in ms: from 1970 on, and FUTURE_MS ahead of its arrival at most."""
    return f"GREATEST(LEAST({name(event_time)}, {_LATEST}), 0)"


def misdated(event_time: str) -> str:
    """Return SQL for why a row's event time cannot be right, null when it can."""
    column = name(event_time)
    return f"CASE WHEN {column} > {_LATEST} THEN 'future' WHEN {column} < 0 THEN 'before_1970' END"


def source_table(
    window: BoundWindow, source: KafkaSource, watermark: str | None = None, *, called: str = LOG
) -> str:
    """Return the statement that declares the topic as a table; a stream may have another `watermark`.

    Its columns: the fields, `source_partition`, `source_offset`, `kafka_time`, `heartbeat`, `misdated` (a
    reason or null), `ts` (event time in ms, bounded so that no value can break or run away with the job) and,
    as a time attribute, `et`; a stream also has `arrival`, the order in which rows of a partition come.
    """
    time = bounded_time(window.event_time)
    columns = [
        f"{name(each.name)} {each.sql_type}{'' if each.nullable else ' NOT NULL'}" for each in window.fields
    ]
    columns += [
        "`source_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL",
        "`source_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL",
        "`kafka_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL",
        # As the connector has it: Kafka allows a header without a value, and one that is declared not to be
        # there fails the job at the first record that has it.
        "`headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL",
        "`heartbeat` AS `headers`['kapstan-heartbeat'] IS NOT NULL",
        f"`misdated` AS {misdated(window.event_time)}",
        f"`ts` AS {time}",
        f"`et` AS TO_TIMESTAMP_LTZ({time}, 3)",
    ]
    if not source.reach.bounded:
        # One millisecond more than the rule needs: a window closes when the watermark reaches its end less
        # one.
        columns.append("`arrival` AS PROCTIME()")
        by_rule = f"`et` - {interval(window.declaration.settle_ms + 1)}"
        columns.append(f"WATERMARK FOR `et` AS {watermark or by_rule}")
    body = ",\n  ".join(columns)
    return f"CREATE TEMPORARY TABLE {name(called)} (\n  {body}\n) {options(_connector(window, source))}"


def _connector(window: BoundWindow, source: KafkaSource) -> dict[str, str]:
    found = {
        "connector": "kafka",
        "topic": source.topic,
        "properties.bootstrap.servers": source.bootstrap_servers,
        "properties.group.id": source.group,
        "properties.isolation.level": "read_committed",
        "value.format": "avro-confluent",
        "value.avro-confluent.url": f"{source.registry_url}/apis/ccompat/v7",
        "value.avro-confluent.schema": window.reader_schema,
        "scan.startup.mode": "earliest-offset",
    }
    if source.reach.start:
        found["scan.startup.mode"] = "specific-offsets"
        found["scan.startup.specific-offsets"] = _offsets(source.reach.start)
    if source.since_ms is not None:
        found["scan.startup.mode"] = "timestamp"
        found["scan.startup.timestamp-millis"] = str(source.since_ms)
    if source.reach.bounded:
        found["scan.bounded.mode"] = "specific-offsets" if source.reach.stop else "latest-offset"
    if source.reach.stop:
        found["scan.bounded.specific-offsets"] = _offsets(source.reach.stop)
    return found


def _offsets(positions: Mapping[int, int]) -> str:
    return ";".join(
        f"partition:{partition},offset:{offset}" for partition, offset in sorted(positions.items())
    )
