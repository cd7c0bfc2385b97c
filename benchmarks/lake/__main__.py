"""`python -m benchmarks.lake`: rows per second, CPU time and memory of lake_sink.

Events of 12 Avro fields with the gateway's headers, from a real Kafka into Iceberg tables on SeaweedFS, each
round into a table of its own; in turns with Iceberg's sink for Kafka Connect (of Maven Central, in the
embedded Connect), which keeps the 12 fields and no provenance. Without --home it starts Kafka, the registry
and SeaweedFS in a folder that is deleted after.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.lake import peer
from benchmarks.lake.events import SCHEMA, events
from benchmarks.report import show
from benchmarks.stack import home_option, stack_at
from local.stack import Stack
from services.lake_sink.catalog import open_catalog
from services.lake_sink.config import LakeSettings
from services.lake_sink.tables import Tables
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient, subject_of

PORT_BASE: Final = 17300
PARTS: Final = ["kafka", "registry", "seaweedfs"]
PARTITIONS: Final = 4
ROOT: Final = Path(__file__).parents[2]
Figures = Mapping[str, float]


def load(stack: Stack, topic: str, total: int) -> None:
    """Write the events, as the gateway would: with its headers, by key."""
    registry = RegistryClient(stack.registry_url)
    schema_id = registry.register(subject_of(topic), SCHEMA)
    registry.close()
    broker = KafkaBroker(stack.bootstrap_servers)
    broker.admin().create_topic(topic, PARTITIONS, {"retention.ms": "-1"})
    producer = broker.producer()
    now_ms = time.time_ns() // 1_000_000
    for number, (key, value) in enumerate(events(total, schema_id, now_ms)):
        headers = [
            ("kapstan-event-id", b"tx%09d" % number),
            ("kapstan-ingest-ms", b"%d" % now_ms),
            ("kapstan-tenant", b"default"),
            ("kapstan-hops", b"gateway=%d" % now_ms),
        ]
        producer.send(topic, key, value, headers, now_ms)
    producer.flush(120)
    producer.close()


def variables(stack: Stack, namespace: str, folder: Path) -> dict[str, str]:
    """Return the settings of a worker whose tables are in a namespace of their own."""
    return {
        "KAPSTAN_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "KAPSTAN_REGISTRY_URL": stack.registry_url,
        "KAPSTAN_NAMESPACE": namespace,
        "KAPSTAN_HTTP_PORT": "0",
        "KAPSTAN_STATE_DIR": str(folder),
        "KAPSTAN_CATALOG_URI": stack.url("seaweedfs.iceberg"),
        "KAPSTAN_S3_ENDPOINT": stack.url("seaweedfs.s3"),
        "KAPSTAN_S3_ACCESS_KEY_FILE": str(stack.secret_file("s3")),
        "MALLOC_ARENA_MAX": "2",
    }


def measure(stack: Stack, topic: str, namespace: str, total: int, folder: Path) -> Figures:
    """Run one worker to the end of the topic and return its figures; blocks.

    Raises:
        RuntimeError: it failed, or the table does not hold every row once.
    """
    settings = variables(stack, namespace, folder)
    command = [sys.executable, "-m", "benchmarks.lake.worker"]
    environment = {**os.environ, **settings, "BENCH_TOPIC": topic}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the worker ended with {done.returncode}: {done.stderr[-2000:]}")
    figures: Figures = json.loads(done.stdout)
    rows = _rows(settings, topic)
    if rows != total:
        raise RuntimeError(f"the table holds {rows:,} rows of {total:,}")
    return figures


def _settings(variables: Mapping[str, str]) -> LakeSettings:
    return LakeSettings.load(
        **{name.removeprefix("KAPSTAN_").lower(): value for name, value in variables.items()}
    )


def _rows(variables: Mapping[str, str], topic: str) -> int:
    settings = _settings(variables)
    table = Tables(open_catalog(settings), settings.bronze).find(topic)
    snapshot = table.current_snapshot() if table is not None else None
    if snapshot is None or snapshot.summary is None:
        return 0
    return int(snapshot.summary.additional_properties["total-records"])


def summary(found: Sequence[Figures]) -> dict[str, float]:
    """Return the medians over the rounds, per million rows where that is the question."""

    def median(name: str, per: str | None = None, scale: float = 1.0) -> float:
        return statistics.median(scale * f[name] / (f[per] if per else 1) for f in found)

    return {
        "rows": found[0]["records"],
        "rounds": len(found),
        "rows_per_s": round(median("records", "seconds")),
        "cpu_s_per_million": round(median("cpu_seconds", "records", 1_000_000), 2),
        "memory_mb": round(max(f["memory_mb"] for f in found)),
    }


def beside(ours: Sequence[Figures], theirs: Sequence[Figures]) -> dict[str, float]:
    """Return our figures, the peer's, and how many times as good ours are."""
    mine, peers = summary(ours), summary(theirs)
    cpu = peers["cpu_s_per_million"] / mine["cpu_s_per_million"]
    return {
        **mine,
        **{f"peer_{name}": value for name, value in peers.items() if name not in ("rows", "rounds")},
        "times_rows_per_s": round(mine["rows_per_s"] / peers["rows_per_s"], 2),
        "times_rows_per_cpu_s": round(cpu, 2),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table, or one JSON line."""
    parser = argparse.ArgumentParser(prog="kapstan bench lake", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="without the peer, which is fetched otherwise")
    home_option(parser)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    name = f"bench-{time.time_ns() // 1_000_000}"
    with (
        stack_at(options.home, PORT_BASE, PARTS) as stack,
        tempfile.TemporaryDirectory(prefix="kapstan-bench-") as folder,
    ):
        load(stack, name, options.rows)
        ours: list[Figures] = []
        theirs: list[Figures] = []
        for number in range(options.rounds):
            namespace = f"{name}-{number}"
            ours.append(measure(stack, name, namespace, options.rows, Path(folder)))
            if not options.alone:
                catalog = open_catalog(_settings(variables(stack, namespace, Path(folder))))
                peers = f"peer_{namespace}".replace("-", "_")
                theirs.append(peer.measure(stack, catalog, name, peers, options.rows))
    show(beside(ours, theirs) if theirs else summary(ours), as_json=options.json)


if __name__ == "__main__":
    main()
