"""Everything one job is made of, as text and settings: job.py only hands it to Flink."""

from dataclasses import dataclass
from pathlib import Path

from flink_jobs.windows import aggregate, rule, tables
from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.checkpoints import folder
from flink_jobs.windows.cluster import PREFIX
from flink_jobs.windows.config import Key, Settings
from flink_jobs.windows.log import log_of
from flink_jobs.windows.source import KafkaSource, Reach
from flink_jobs.windows.sql_text import name, names, options

_FOR_EVER = str(2**31 - 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """One job. `setup` makes its tables and views; `inserts` are its statement set.

    Their order is part of the job: operators get their identity, and with it their state, from the graph's
    shape.
    """

    name: str
    window: BoundWindow
    bounded: bool
    configuration: dict[str, str]
    setup: tuple[str, ...]
    inserts: tuple[str, ...]


def plan(
    window: BoundWindow, settings: Settings, reach: Reach | None = None, restore: Path | None = None
) -> Plan:
    """Return the job of a window.

    Args:
        window: its declaration.
        settings: where the parts are; the S3 key's file is read.
        reach: what to read of the topic; all of it, for ever, by default. A bounded one makes a batch job.
        restore: the checkpoint to go on from.
    """
    reach = reach or Reach()
    declared = window.declaration
    job = settings.qualified(declared.window)
    interval = settings.checkpoint_interval_ms or declared.checkpoint_interval
    configuration = _batch(settings, job) if reach.bounded else stream(settings, job, interval, restore)
    rows = aggregate.query(window, bounded=reach.bounded)
    late = f"SELECT {names(tables.late_columns(window))} FROM {name(rule.LATE)}"
    return Plan(
        name=f"{PREFIX}{job}",
        window=window,
        bounded=reach.bounded,
        configuration=configuration,
        setup=tuple(_setup(window, settings, reach, job)),
        inserts=(
            tables.insert(settings.database, declared.table, rows),
            tables.insert(settings.database, declared.late_table, late),
        ),
    )


def catalog(settings: Settings, key: Key | None) -> str:
    """Return the statement that declares the lake. It holds the key: never log it."""
    found = {
        "type": "iceberg",
        "catalog-type": "rest",
        "uri": settings.catalog_uri,
        "warehouse": settings.warehouse,
        "rest.auth.type": "sigv4",
        "rest.signing-name": "s3",
        "rest.signing-region": settings.s3_region,
        "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "client.region": settings.s3_region,
        "s3.endpoint": settings.s3_endpoint,
        "s3.path-style-access": "true",
    }
    if key is not None:
        for side in ("rest", "s3"):
            found |= {f"{side}.access-key-id": key.access_key, f"{side}.secret-access-key": key.secret_key}
    return f"CREATE CATALOG {name(tables.CATALOG)} {options(found)}"


def lake(settings: Settings) -> list[str]:
    """Return the statements that declare the lake and make its namespace of windows."""
    return [
        catalog(settings, settings.key()),
        f"CREATE DATABASE IF NOT EXISTS {name(tables.CATALOG)}.{name(settings.database)}",
    ]


def _setup(window: BoundWindow, settings: Settings, reach: Reach, job: str) -> list[str]:
    declared, database = window.declaration, settings.database
    # A replay reads what live read; what it writes, and its group, are in its own namespace.
    source = KafkaSource(
        settings.bootstrap_servers, settings.registry_url, declared.topic, f"{PREFIX}{job}", reach
    )
    return [
        *lake(settings),
        tables.create(database, declared.table, tables.columns(window)),
        tables.create(database, declared.late_table, tables.late_columns(window)),
        *log_of(window, source),
        *rule.views(window, bounded=reach.bounded),
    ]


def _common(settings: Settings, job: str) -> dict[str, str]:
    return {
        "pipeline.name": f"{PREFIX}{job}",
        "table.local-time-zone": "UTC",
        "parallelism.default": str(settings.parallelism),
        # Every rate of key groups to tasks up to this one can be taken over by a job of another parallelism.
        "pipeline.max-parallelism": "128",
    }


def _batch(settings: Settings, job: str) -> dict[str, str]:
    return _common(settings, job) | {"execution.runtime-mode": "BATCH", "restart-strategy.type": "disable"}


def stream(settings: Settings, job: str, interval: int, restore: Path | None = None) -> dict[str, str]:
    """Return the configuration of a job that reads for ever and commits every `interval` ms."""
    found = _common(settings, job) | {
        "execution.runtime-mode": "STREAMING",
        # A partition that is silent holds results back; one that were passed over would lose its rows.
        "table.exec.source.idle-timeout": "0 s",
        "execution.checkpointing.interval": f"{interval} ms",
        "execution.checkpointing.min-pause": f"{interval // 2} ms",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.unaligned.enabled": "false",
        "execution.checkpointing.dir": folder(settings.checkpoints_dir, job).as_uri(),
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.num-retained": "3",
        "execution.checkpointing.tolerable-failed-checkpoints": _FOR_EVER,
        "state.backend.type": "hashmap",
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": _FOR_EVER,
        "restart-strategy.fixed-delay.delay": "2 s",
    }
    if restore is not None:
        found["execution.state-recovery.path"] = restore.as_uri()
    return found
