"""The peer: Iceberg's own sink in Kafka Connect, from the same topic into the same catalog."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import count
from pathlib import Path

import psutil
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.schema import Schema
from pyiceberg.table import Table

from benchmarks.lake.events import SCHEMA
from local.artifacts import locked
from local.connect import SETTINGS, converter, lay_out_converter
from local.fetch import cached, fetch
from local.java import classpath, java_home
from local.kafka import write_log4j
from local.poll import until
from local.probe import http_call, http_missing
from local.stack import Stack
from services.lake_sink.columns import columns_of
from services.lake_sink.iceberg_types import optional
from streamkit.kafka.broker import KafkaBroker

SETS = ("connect", "converter", "iceberg-connect")
HEAP_MB = 512
COMMIT_EVERY_MS = 10_000
_FOLDER = "peer"
_STALLED_S = 300.0


def measure(stack: Stack, catalog: RestCatalog, topic: str, namespace: str, total: int) -> dict[str, float]:
    """Run the connector until its table holds the whole topic; return its figures. Blocks.

    Seconds and CPU time count from the moment the worker, which is up by then, is given the connector.

    Raises:
        RuntimeError: the worker does not come up, the connector fails, or nothing arrives for minutes.
    """
    table = make_table(stack, catalog, namespace)
    with _worker(stack, namespace) as process:
        begun, cpu = time.perf_counter(), _cpu_s(process)
        put(stack, topic, namespace)
        peak, rows, moved = 0, 0, begun
        while rows < total:
            time.sleep(0.25)
            peak = max(peak, process.memory_info().rss)
            now = int(_total_records(catalog, table.name()))
            if now > rows:
                rows, moved = now, time.perf_counter()
            if time.perf_counter() - moved > _STALLED_S:
                raise RuntimeError(f"the connector stopped at {rows:,} rows: {_status(stack, namespace)}")
        return {
            "records": rows,
            "seconds": time.perf_counter() - begun,
            "cpu_seconds": _cpu_s(process) - cpu,
            "memory_mb": peak / 2**20,
        }


def make_table(stack: Stack, catalog: RestCatalog, namespace: str) -> Table:
    """Make what the connector needs beforehand: its table, which is returned, and its control topic."""
    catalog.create_namespace(namespace)
    ids = count(1).__next__
    columns = columns_of(SCHEMA.definition)
    KafkaBroker(stack.bootstrap_servers).admin().create_topic(f"{namespace}-control", 1, {})
    made: Table = catalog.create_table(
        (namespace, "events"), Schema(*(optional(c.name, c.type, ids, c.doc) for c in columns))
    )
    return made


def command(stack: Stack, group: str) -> list[str]:
    """Fetch and lay out what a worker is made of, and return the command that runs it; see `log_file`."""
    fetch(locked(*SETS))
    folder = stack.data(_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    write_log4j(folder)
    lay_out_converter(folder / "plugins" / "avro-converter")
    _lay_out_connector(folder / "plugins" / "iceberg")
    settings = SETTINGS.format(
        bootstrap=stack.bootstrap_servers,
        port=stack.port("connect.http"),
        plugins=folder / "plugins",
        folder=folder,
        converters="\n".join(f"{side}.{line}" for side in ("key", "value") for line in converter(stack)),
    )
    # A group and topics of its own: a worker goes on with the connectors that it finds there.
    settings = settings.replace("platform.connect", group).replace("kapstan-connect", group)
    (folder / "worker.properties").write_text(settings, encoding="utf-8")
    # As a user would run it: the optimizing compiler, and a heap that the JVM is not short of.
    return [
        str(java_home() / "bin" / "java"),
        f"-Xmx{HEAP_MB}m",
        f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
        "-cp",
        classpath("connect"),
        "org.apache.kafka.connect.cli.ConnectDistributed",
        str(folder / "worker.properties"),
    ]


def log_file(stack: Stack) -> Path:
    """Where a worker's output is to go."""
    return stack.data(_FOLDER) / "worker.log"


def await_worker(stack: Stack) -> None:
    """Wait until a worker that was just started answers. Raises RuntimeError."""
    if not until(lambda: http_missing(stack.port("connect.http"), "/connectors") is None, 180):
        raise RuntimeError(f"Kafka Connect did not come up: see {log_file(stack)}")


@contextlib.contextmanager
def _worker(stack: Stack, group: str) -> Iterator[psutil.Process]:
    line = command(stack, group)
    with log_file(stack).open("w") as log:
        process = subprocess.Popen(line, cwd=stack.data(_FOLDER), stdout=log, stderr=subprocess.STDOUT)
    try:
        await_worker(stack)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def _lay_out_connector(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for artifact in locked("iceberg-connect"):
        link = folder / artifact.name
        link.unlink(missing_ok=True)
        link.symlink_to(cached(artifact))


def put(stack: Stack, topic: str, namespace: str, settings: Mapping[str, str] | None = None) -> None:
    """Give a worker the connector, with further `settings` of it; blocks. Raises RuntimeError."""
    port = stack.port("connect.http")
    all_settings = _connector(stack, topic, namespace) | dict(settings or {})

    def accepted() -> bool:
        status, _ = http_call("PUT", port, f"/connectors/{namespace}/config", all_settings, timeout=60)
        return status in (HTTPStatus.OK, HTTPStatus.CREATED)

    if not until(accepted, 60):
        raise RuntimeError(f"the connector was not accepted: {_status(stack, namespace)}")


def restart_failed(stack: Stack, namespace: str) -> int:
    """Have tasks of the connector begin again that have failed, as only a person does; returns how many."""
    port = stack.port("connect.http")
    _, body = http_call("GET", port, f"/connectors/{namespace}/status", timeout=60)
    failed = len([task for task in json.loads(body).get("tasks", ()) if task["state"] == "FAILED"])
    if failed:
        path = f"/connectors/{namespace}/restart?includeTasks=true&onlyFailed=true"
        http_call("POST", port, path, timeout=60)
    return failed


def _connector(stack: Stack, topic: str, namespace: str) -> dict[str, str]:
    key = json.loads(stack.secret_file("s3").read_text(encoding="utf-8"))
    catalog = {
        "type": "rest",
        "uri": stack.url("seaweedfs.iceberg"),
        "warehouse": "s3://lake",
        "rest.auth.type": "sigv4",
        "rest.signing-name": "s3",
        "rest.signing-region": "us-east-1",
        "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "client.region": "us-east-1",
        "s3.endpoint": stack.url("seaweedfs.s3"),
        "s3.path-style-access": "true",
    }
    for side in ("rest", "s3"):
        catalog |= {
            f"{side}.access-key-id": key["access_key"],
            f"{side}.secret-access-key": key["secret_key"],
        }
    return {
        "connector.class": "org.apache.iceberg.connect.IcebergSinkConnector",
        "tasks.max": "2",
        "topics": topic,
        "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "iceberg.tables": f"{namespace}.events",
        "iceberg.control.topic": f"{namespace}-control",
        "iceberg.control.commit.interval-ms": str(COMMIT_EVERY_MS),
        "consumer.override.auto.offset.reset": "earliest",
        **{f"iceberg.catalog.{name}": value for name, value in catalog.items()},
    }


def _status(stack: Stack, name: str) -> str:
    _, body = http_call("GET", stack.port("connect.http"), f"/connectors/{name}/status")
    return str(body)[:2000]


def _total_records(catalog: RestCatalog, name: tuple[str, ...]) -> str:
    snapshot = catalog.load_table(name).current_snapshot()
    properties = snapshot.summary.additional_properties if snapshot and snapshot.summary else {}
    return str(properties.get("total-records", "0"))


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
