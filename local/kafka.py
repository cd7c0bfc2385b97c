"""Apache Kafka: one broker that is its own controller (KRaft). It makes no topic by itself."""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import sys
import uuid
from pathlib import Path

from local.component import Component
from local.errors import RuntimeProblem
from local.java import classpath, java
from local.probe import kafka_brokers
from local.stack import Stack

NODE_ID = 1

SETTINGS = """\
node.id={node}
process.roles=broker,controller
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={logs}
auto.create.topics.enable=false
# One broker: every replication factor is one.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
offsets.topic.num.partitions=8
transaction.state.log.num.partitions=8
group.initial.rebalance.delay.ms=0
# A killed producer's open transaction holds back readers: end it within a second of its timeout.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
transaction.max.timeout.ms=60000
# Two cores and a few clients: more threads are more switches (docs/decisions/0007).
num.network.threads=1
num.io.threads=2
# docs/decisions/0008.
add.partitions.to.txn.retry.backoff.ms=1
log.segment.bytes=268435456
# For thousands of compacted partitions it would be 128 MB of heap.
log.cleaner.dedupe.buffer.size=16777216
# Small hot changelogs are always worth cleaning; each quarter of a minute it would be 2 % of a core.
log.cleaner.backoff.ms=60000
message.max.bytes=2097152
"""

# For `local.kafka_start`: the same controller without its broker.
CONTROLLER = """\
node.id={node}
process.roles=controller
listeners=CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={logs}
# The broker is known to be gone, so its session may end at once.
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=400
"""

LOG4J = """\
rootLogger.level=INFO
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %-5p %c{1} %m%n
"""


class Kafka(Component):
    name = "kafka"
    ports = ("kafka.broker", "kafka.controller")
    artifacts = ("kafka",)
    memory_mb = 350
    stop_seconds = 60  # the first time, it writes its start-up cache
    remedy = "read the log; `kapstan reset` starts over with an empty log"

    def prepare(self, stack: Stack) -> None:
        """Write the settings and, once, format the log folder."""
        folder = stack.data(self.name)
        write_log4j(folder)
        for name, settings in (("server", SETTINGS), ("controller", CONTROLLER)):
            filled = settings.format(
                node=NODE_ID,
                broker=stack.port("kafka.broker"),
                controller=stack.port("kafka.controller"),
                logs=folder / "log",
            )
            (folder / f"{name}.properties").write_text(filled, encoding="utf-8")
        if not (folder / "log" / "meta.properties").is_file():
            self._format(stack, folder)

    def command(self, stack: Stack) -> list[str]:
        folder = stack.data(self.name)
        options = [f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}", "-Dkafka.logs.dir=."]
        start = java(stack, self.name, heap_mb=320, path=classpath("kafka"), options=options, busy=True)
        kafka = [*start, "kafka.Kafka", str(folder / "server.properties")]
        return [sys.executable, "-P", "-m", "local.kafka_start", str(folder), *kafka]

    def waiting_for(self, stack: Stack) -> str | None:
        """Ready when the broker is registered and unfenced: only then is it in its own metadata."""
        port = stack.port("kafka.broker")
        try:
            brokers = kafka_brokers(port)
        except (OSError, struct.error) as error:
            return f"no answer on port {port} ({error})"
        return None if (NODE_ID, "127.0.0.1", port) in brokers else "the broker is not registered yet"

    def addresses(self, stack: Stack) -> dict[str, str]:
        return {"Kafka": stack.bootstrap_servers}

    def _format(self, stack: Stack, folder: Path) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        settings = str(folder / "server.properties")
        # No start-up cache here: it belongs to the broker's own main class.
        command = [
            java(stack, self.name, heap_mb=128, path=classpath("kafka"))[0],
            "-Xmx128m",
            "-XX:+UseSerialGC",
        ]
        command += [f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}", "-cp", classpath("kafka")]
        command += [
            "kafka.tools.StorageTool",
            "format",
            "--standalone",
            "-t",
            f"A{cluster[1:]}",
            "-c",
            settings,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise RuntimeProblem(
                self.name,
                f"could not format its log folder: {json.dumps(said[-1] if said else 'no message')}",
                remedy=f"look into {folder}; `kapstan reset` starts over",
            )


def write_log4j(folder: Path) -> None:
    """The logging settings that Kafka and Connect share: plain lines on standard output."""
    (folder / "log4j2.properties").write_text(LOG4J, encoding="utf-8")
