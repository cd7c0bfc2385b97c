"""A Flink session cluster from the pip package's jars: a JobManager and a TaskManager, without its scripts.

The scripts start a further Java to work out memory sizes; here every size is given.
"""

from __future__ import annotations

import json
import os
import shutil
from http.client import HTTPException
from pathlib import Path

from local import environment
from local.component import Component
from local.java import classpath, java, java_home
from local.probe import http_call, http_missing
from local.stack import Stack

SLOTS = 8
JOBMANAGER_HEAP_MB = 256
FRAMEWORK_HEAP_MB = 64
TASK_HEAP_MB = 256

SETTINGS = """\
jobmanager.rpc.address: 127.0.0.1
jobmanager.bind-host: 127.0.0.1
jobmanager.rpc.port: {jobmanager_rpc}
jobmanager.memory.heap.size: {jobmanager_heap}m
blob.server.port: {blob}
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: {rest}
rest.bind-port: {rest}
web.submit.enable: false
web.history: 10
# In memory: the folder for it would be the TaskManager's, who empties it when it starts, and then nobody who
# waits for a batch job would learn that it has ended.
jobstore.type: Memory
jobstore.max-capacity: 20
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.rpc.port: {taskmanager_rpc}
taskmanager.data.port: {taskmanager_data}
# The same name after a restart: the JobManager so knows at once that the one before it is gone.
taskmanager.resource-id: local
taskmanager.numberOfTaskSlots: {slots}
taskmanager.cpu.cores: 2
taskmanager.memory.framework.heap.size: {framework_heap}m
taskmanager.memory.task.heap.size: {task_heap}m
taskmanager.memory.framework.off-heap.size: 64m
taskmanager.memory.framework.off-heap.batch-shuffle.size: 16m
taskmanager.memory.task.off-heap.size: 16m
taskmanager.memory.managed.size: 128m
taskmanager.memory.network.min: 48m
taskmanager.memory.network.max: 48m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 128m
taskmanager.memory.jvm-overhead.max: 128m
# A batch job's exchange takes 512 network buffers by default, a third of all there are here.
taskmanager.network.sort-shuffle.min-buffers: 16
# Its own limit for getting up is 10 s, which a laptop that is busy starting the rest exceeds.
pekko.startup-timeout: 60 s
# By default an answer that takes 10 s is a failure, and all tasks of the job begin again. A busy laptop took
# longer to hand a TaskManager that had come back its tasks, again and again; one that is gone is known by its
# connection, and by its heartbeat.
pekko.ask.timeout: 60 s
heartbeat.interval: 3000
heartbeat.timeout: 20000
# Hadoop's login calls what Java 24 removed. Iceberg needs Hadoop's configuration class only.
security.context.factory.classes: org.apache.flink.runtime.security.contexts.NoOpSecurityContextFactory
security.module.factory.classes: ""
security.delegation.tokens.enabled: false
io.tmp.dirs: {temporary}
"""

LOG4J = """\
rootLogger.level={level}
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.target={target}
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{{ISO8601}} %-5p %c{{1}} %m%n
logger.kafka.name=org.apache.flink.kafka.shaded
logger.kafka.level=WARN
logger.hadoop.name=org.apache.hadoop
logger.hadoop.level=ERROR
logger.flinkhadoop.name=org.apache.flink.runtime.util
logger.flinkhadoop.level=ERROR
"""

# What Flink's own scripts open (env.java.opts.all in its default configuration), as far as it runs here.
_OPENED = (
    "java.lang",
    "java.net",
    "java.io",
    "java.nio",
    "java.lang.reflect",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
)
OPENS = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]


class JobManager(Component):
    """Plans nothing, runs nothing: it knows the jobs, their checkpoints and the TaskManager."""

    name = "flink"
    ports = ("flink.rest", "flink.jobmanager-rpc", "flink.blob")
    artifacts = ("flink",)
    groups = ("flink",)
    memory_mb = 450
    background = True
    stop_seconds = 120  # the first time, it writes its start-up cache
    remedy = "read the log; checkpoints are kept, so the windows go on where they were"

    def prepare(self, stack: Stack) -> None:
        _write_settings(stack)
        _empty(_temporary(stack, self.name))

    def command(self, stack: Stack) -> list[str]:
        options = [*OPENS, *_logging(stack), f"-Djava.io.tmpdir={_temporary(stack, self.name)}"]
        start = java(stack, self.name, heap_mb=JOBMANAGER_HEAP_MB, path=flink_classpath(), options=options)
        entry = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        return [*start, entry, "--configDir", str(settings_dir(stack))]

    def waiting_for(self, stack: Stack) -> str | None:
        return http_missing(stack.port("flink.rest"), "/overview")

    def addresses(self, stack: Stack) -> dict[str, str]:
        return {"Flink": stack.url("flink.rest")}


class TaskManager(Component):
    """Runs every task of every window job."""

    name = "flink_taskmanager"
    needs = ("flink",)
    ports = ("flink.taskmanager-rpc", "flink.taskmanager-data")
    artifacts = ("flink",)
    groups = ("flink",)
    memory_mb = 700
    background = True
    stop_seconds = 120
    remedy = "read the log; it is started again by itself, and jobs go on from their last checkpoint"

    def prepare(self, stack: Stack) -> None:
        _write_settings(stack)
        _empty(_temporary(stack, self.name))

    def command(self, stack: Stack) -> list[str]:
        options = [*OPENS, *_logging(stack), f"-Djava.io.tmpdir={_temporary(stack, self.name)}"]
        heap = FRAMEWORK_HEAP_MB + TASK_HEAP_MB
        start = java(stack, self.name, heap_mb=heap, path=flink_classpath(), options=options)
        entry = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        return [*start, entry, "--configDir", str(settings_dir(stack))]

    def waiting_for(self, stack: Stack) -> str | None:
        """Ready when the JobManager has its slots."""
        port = stack.port("flink.rest")
        try:
            _, answer = http_call("GET", port, "/overview")
            slots = int(json.loads(answer).get("slots-total", 0))
        except (OSError, HTTPException, ValueError) as error:
            return f"the JobManager does not answer on port {port} ({error})"
        return None if slots else "it has not registered with the JobManager yet"

    def has_worked(self, stack: Stack) -> bool:
        """Whether a job ever ran: most of its classes are a job's."""
        return any(checkpoints_dir(stack).glob("*/*"))


def pyflink() -> Path:
    """The pip package's folder of jars and plugins, in the environment `flink`, which is made if need be."""
    (found,) = environment.ensure("flink").glob("lib/python3.*/site-packages/pyflink")
    return found


def flink_classpath() -> str:
    """Flink's jars and the connectors', of the cluster and of its clients alike."""
    own = sorted(str(jar) for jar in (pyflink() / "lib").glob("*.jar"))
    return os.pathsep.join([*own, classpath("flink")])


def settings_dir(stack: Stack) -> Path:
    """Flink's configuration folder, of both processes and of every client."""
    return stack.data("flink") / "conf"


def checkpoints_dir(stack: Stack) -> Path:
    """Where jobs keep their checkpoints; both processes and every client use this one folder."""
    return stack.data("flink") / "checkpoints"


def client_environment(stack: Stack) -> dict[str, str]:
    """Variables for a Python process that submits jobs by PyFlink: it starts a Java of its own for that."""
    home = stack.data("flink") / "home"
    for folder, jars in (
        ("lib", [Path(jar) for jar in flink_classpath().split(os.pathsep)]),
        ("opt", sorted((pyflink() / "opt").glob("flink-python-*.jar"))),
    ):
        _link(home / folder, jars)
    return {
        "JAVA_HOME": str(java_home()),
        "FLINK_HOME": str(home),
        "FLINK_CONF_DIR": str(settings_dir(stack)),
        "FLINK_LOG_DIR": str(stack.data("flink")),
        "FLINK_ENV_JAVA_OPTS": " ".join([*OPENS, "--enable-native-access=ALL-UNNAMED"]),
        "JVM_ARGS": "-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    }


def _write_settings(stack: Stack) -> None:
    checkpoints_dir(stack).mkdir(exist_ok=True)
    folder = settings_dir(stack)
    folder.mkdir(exist_ok=True)
    settings = SETTINGS.format(
        rest=stack.port("flink.rest"),
        jobmanager_rpc=stack.port("flink.jobmanager-rpc"),
        blob=stack.port("flink.blob"),
        taskmanager_rpc=stack.port("flink.taskmanager-rpc"),
        taskmanager_data=stack.port("flink.taskmanager-data"),
        slots=SLOTS,
        jobmanager_heap=JOBMANAGER_HEAP_MB,
        framework_heap=FRAMEWORK_HEAP_MB,
        task_heap=TASK_HEAP_MB,
        temporary=_temporary(stack, "flink_taskmanager"),
    )
    (folder / "config.yaml").write_text(settings, encoding="utf-8")
    for name, level, target in (("log4j", "INFO", "SYSTEM_OUT"), ("log4j-cli", "WARN", "SYSTEM_ERR")):
        text = LOG4J.format(level=level, target=target)
        (folder / f"{name}.properties").write_text(text, encoding="utf-8")


def _logging(stack: Stack) -> list[str]:
    return [f"-Dlog4j.configurationFile={settings_dir(stack) / 'log4j.properties'}"]


def _temporary(stack: Stack, component: str) -> Path:
    return stack.data(component) / "tmp"


def _empty(folder: Path) -> None:
    # A killed process leaves an unpacked jar of 50 MB behind.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def _link(folder: Path, jars: list[Path]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {folder / jar.name: jar for jar in jars}
    for stale in set(folder.iterdir()) - set(wanted):
        stale.unlink()
    for link, jar in wanted.items():
        if not link.is_symlink() or link.readlink() != jar:
            link.unlink(missing_ok=True)
            link.symlink_to(jar)
