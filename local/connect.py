"""Kafka Connect with Debezium: every change of the bank's tables becomes a record, exactly once, in Avro."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any

from local.artifacts import locked
from local.component import Component
from local.errors import RuntimeProblem
from local.fetch import cached, unpacked
from local.java import classpath, java
from local.kafka import write_log4j
from local.poll import until
from local.postgres import DATABASE, TABLES, USER, dsn
from local.probe import http_call, http_missing
from local.stack import Stack

CONNECTOR = "bank"
REMEDY = (
    "Remove the cause (the log has all of it), then `kapstan restart connect`: it goes on behind the last "
    "committed change. If that is gone from PostgreSQL, `kapstan reset` begins with a new snapshot"
)
_CONVERTER = "io.apicurio.registry.utils.converter.AvroConverter"

SETTINGS = """\
bootstrap.servers={bootstrap}
group.id=kapstan-connect
listeners=http://127.0.0.1:{port}
rest.advertised.host.name=127.0.0.1
rest.advertised.port={port}
config.storage.topic=platform.connect-config
offset.storage.topic=platform.connect-offsets
status.storage.topic=platform.connect-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
offset.storage.partitions=1
status.storage.partitions=1
exactly.once.source.support=enabled
# One worker alone: nobody to wait for.
scheduled.rebalance.max.delay.ms=0
session.timeout.ms=6000
heartbeat.interval.ms=2000
metric.reporters=
# Reading the plugins' service files, not scanning their classes, saves 400 MB.
plugin.discovery=service_load
plugin.path={plugins}
config.providers=file
config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider
config.providers.file.param.allowed.paths={folder}
{converters}
"""


class Connect(Component):
    name = "connect"
    needs = ("kafka", "registry", "postgres")
    ports = ("connect.http",)
    artifacts = ("connect", "debezium", "converter")
    memory_mb = 350
    background = True
    stop_seconds = 60  # the first time, it writes its start-up cache
    remedy = "read the log; `kapstan reset` starts over with a new snapshot"

    def prepare(self, stack: Stack) -> None:
        """Lay out the plugins and write the worker's settings."""
        folder = stack.data(self.name)
        write_log4j(folder)
        lay_out_converter(folder / "plugins" / "avro-converter")
        password = folder / "postgres.properties"
        password.touch(mode=0o600)
        password.write_text(f"password={dsn(stack).split(':')[2].split('@')[0]}\n", encoding="utf-8")
        (debezium,) = locked("debezium")
        settings = SETTINGS.format(
            bootstrap=stack.bootstrap_servers,
            port=stack.port("connect.http"),
            plugins=f"{unpacked(debezium)},{folder / 'plugins'}",
            folder=folder,
            converters="\n".join(f"{side}.{line}" for side in ("key", "value") for line in converter(stack)),
        )
        (folder / "worker.properties").write_text(settings, encoding="utf-8")

    def command(self, stack: Stack) -> list[str]:
        folder = stack.data(self.name)
        options = [f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}"]
        start = java(stack, self.name, heap_mb=256, path=classpath("connect"), options=options)
        return [*start, "org.apache.kafka.connect.cli.ConnectDistributed", str(folder / "worker.properties")]

    def waiting_for(self, stack: Stack) -> str | None:
        """Ready when the worker answers and its task, if it has one already, has not failed."""
        port = stack.port("connect.http")
        missing = http_missing(port, "/connectors")
        failed = _failure(port) if missing is None else None
        return f"{failed}. {REMEDY}" if failed else missing

    def started(self, stack: Stack) -> None:
        """Create or update the connector and wait until its task runs."""
        port = stack.port("connect.http")

        def accepted() -> bool:
            # 409 while the worker is still joining its group.
            status, _ = http_call(
                "PUT", port, f"/connectors/{CONNECTOR}/config", connector(stack), timeout=60
            )
            return status in (HTTPStatus.OK, HTTPStatus.CREATED)

        if not until(accepted, 60) or not until(lambda: _settled(port), 60):
            raise self._refused(stack, "the connector was not accepted or did not start within a minute")
        if failed := _failure(port):
            raise self._refused(stack, failed)

    def addresses(self, stack: Stack) -> dict[str, str]:
        return {"Kafka Connect": stack.url("connect.http")}

    def _refused(self, stack: Stack, what: str) -> RuntimeProblem:
        return RuntimeProblem(self.name, what, log=stack.log(self.name), remedy=self.remedy)


def connector(stack: Stack) -> dict[str, str]:
    """The Debezium connector's settings. Its topics are cdc.bank.<table>: one partition, kept for ever."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": "127.0.0.1",
        "database.port": str(stack.port("postgres.sql")),
        "database.user": USER,
        "database.password": f"${{file:{stack.data('connect') / 'postgres.properties'}:password}}",
        "database.dbname": DATABASE,
        "plugin.name": "pgoutput",
        "slot.name": "kapstan",
        "publication.name": "kapstan",
        "publication.autocreate.mode": "filtered",
        "topic.prefix": "cdc",
        "schema.include.list": "bank",
        "table.include.list": ",".join(f"bank.{table}" for table in TABLES),
        "snapshot.mode": "initial",
        "schema.name.adjustment.mode": "avro",
        # The topics keep everything, so a tombstone for the sake of compaction would say nothing.
        "tombstones.on.delete": "false",
        "exactly.once.support": "required",
        "topic.creation.default.replication.factor": "1",
        "topic.creation.default.partitions": "1",
        "topic.creation.default.cleanup.policy": "delete",
        "topic.creation.default.retention.ms": "-1",
    }


def converter(stack: Stack) -> list[str]:
    """The worker's settings of the Avro converter, each without its `key.` or `value.`."""
    # Four-byte schema ids in the Confluent wire format, in the value itself: what every other reader expects.
    return [
        f"converter={_CONVERTER}",
        f"converter.apicurio.registry.url={stack.registry_url}/apis/registry/v2",
        "converter.apicurio.registry.as-confluent=true",
        "converter.apicurio.registry.use-id=contentId",
        "converter.apicurio.registry.headers.enabled=false",
        "converter.apicurio.registry.auto-register=true",
        "converter.apicurio.registry.find-latest=false",
    ]


def lay_out_converter(folder: Path) -> None:
    """Link the converter's jars into a plugin folder, with the service file that its own jar lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    for artifact in locked("converter"):
        link = folder / artifact.name
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(cached(artifact))
    with zipfile.ZipFile(folder / "services.jar", "w") as jar:
        jar.writestr("META-INF/services/org.apache.kafka.connect.storage.Converter", _CONVERTER + "\n")


def failed_task(status: Mapping[str, Any]) -> str | None:
    """Return which part of a connector failed and why, from Connect's answer about it; None when none did.

    A task that failed stays so until somebody starts it again: Connect itself only retries what it knows
    to pass.
    """
    for what, found in [
        (f"the connector {status['name']}", status["connector"]),
        *((f"task {task['id']} of the connector {status['name']}", task) for task in status["tasks"]),
    ]:
        if found["state"] == "FAILED":
            return f"{what} failed: {_cause(found.get('trace', ''))}"
    return None


def _cause(trace: str) -> str:
    """The last cause in a Java stack trace: what happened, behind all that only says that something did."""
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return (causes or lines[:1] or ["no reason is given"])[-1]


def _connector_status(port: int) -> Mapping[str, Any] | None:
    try:
        status, body = http_call("GET", port, f"/connectors/{CONNECTOR}/status")
    except (OSError, HTTPException):
        return None
    answer: Mapping[str, Any] | None = json.loads(body) if status == HTTPStatus.OK else None
    return answer


def _failure(port: int) -> str | None:
    status = _connector_status(port)
    return failed_task(status) if status is not None else None


def _settled(port: int) -> bool:
    """Tell whether the connector's task runs, or will not."""
    status = _connector_status(port)
    if status is None:
        return False
    return failed_task(status) is not None or any(task["state"] == "RUNNING" for task in status["tasks"])
