"""OpenSearch, one node, put together from its files on Maven Central: there is no distribution to unpack.

The security plugin is not among them, so the node listens on the loopback interface only.
"""

from __future__ import annotations

import json
from http.client import HTTPException
from pathlib import Path

from local.artifacts import locked
from local.component import Component
from local.fetch import cached
from local.java import classpath, java
from local.probe import http_call
from local.stack import Stack, give_to_nobody

VERSION = "3.8.0"
# Module -> its plugin class. Not analysis-common: it asks for Thai word segmentation, which this Java lacks.
MODULES = {
    "transport-netty4": "org.opensearch.transport.Netty4ModulePlugin",
    "lang-painless": "org.opensearch.painless.PainlessModulePlugin",
    "mapper-extras": "org.opensearch.index.mapper.MapperExtrasModulePlugin",
    "reindex": "org.opensearch.index.reindex.ReindexModulePlugin",
}

DESCRIPTOR = """\
name={name}
description={name}
version={version}
opensearch.version={version}
java.version=21
classname={plugin}
extended.plugins=
has.native.controller=false
"""

SETTINGS = """\
cluster.name: kapstan
node.name: local
discovery.type: single-node
network.host: 127.0.0.1
http.port: {http}
transport.port: {transport}
path.data: {folder}/data
path.logs: {folder}/logs
# A laptop's disk is often nearly full, which would make every index read-only.
cluster.routing.allocation.disk.threshold_enabled: false
# The filter forbids starting programs, and so the Java that writes the start-up cache when the node ends.
bootstrap.system_call_filter: false
"""

LOG4J = """\
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %-5p %c{1.} %m%n
rootLogger.level=info
rootLogger.appenderRef.console.ref=console
"""


class OpenSearch(Component):
    """One node. It refuses root, so it runs as another user then."""

    name = "opensearch"
    ports = ("opensearch.http", "opensearch.transport")
    artifacts = ("opensearch", *(f"opensearch-{module}" for module in MODULES))
    memory_mb = 450
    background = True
    stop_seconds = 120  # the first time, it writes its start-up cache
    as_nobody = True
    remedy = "read the log; `kapstan reset` starts over with an empty index"

    def prepare(self, stack: Stack) -> None:
        """Lay out the modules and write the settings, in a folder of the user that the node runs as."""
        folder = stack.data(self.name)
        give_to_nobody(folder)
        for written in ("data", "logs", "config"):  # it keeps a keystore beside its settings
            (folder / written).mkdir(exist_ok=True)
            give_to_nobody(folder / written)
        for expected in ("bin", "lib", "plugins"):  # empty, but it insists
            (folder / "home" / expected).mkdir(parents=True, exist_ok=True)
        settings = SETTINGS.format(
            http=stack.port("opensearch.http"), transport=stack.port("opensearch.transport"), folder=folder
        )
        (folder / "config" / "opensearch.yml").write_text(settings, encoding="utf-8")
        (folder / "config" / "log4j2.properties").write_text(LOG4J, encoding="utf-8")
        for module, plugin in MODULES.items():
            _lay_out(folder / "home" / "modules" / module, module, plugin)

    def command(self, stack: Stack) -> list[str]:
        folder = stack.data(self.name)
        options = [
            f"-Dopensearch.path.home={folder / 'home'}",
            f"-Dopensearch.path.conf={folder / 'config'}",
            "-Dopensearch.distribution.type=tar",
            "-Dopensearch.bundled_jdk=true",
            "-Dlog4j2.disable.jmx=true",
            "-Dlog4j.shutdownHookEnabled=false",
            "-Dio.netty.noUnsafe=true",
            "-Dio.netty.noKeySetOptimization=true",
            "-Dio.netty.allocator.numDirectArenas=0",
        ]
        start = java(stack, self.name, heap_mb=512, path=classpath("opensearch"), options=options)
        return [*start, "org.opensearch.bootstrap.OpenSearch"]

    def waiting_for(self, stack: Stack) -> str | None:
        """Ready when it knows its own cluster and every primary shard that it had is back."""
        port = stack.port("opensearch.http")
        try:
            _, answer = http_call("GET", port, "/_cluster/health")
            health = json.loads(answer).get("status", "unknown")
        except (OSError, HTTPException, ValueError) as error:
            return f"no answer on port {port} ({error})"
        return None if health in ("yellow", "green") else f"the cluster's health is {health}"

    def addresses(self, stack: Stack) -> dict[str, str]:
        return {"OpenSearch": stack.url("opensearch.http")}


def _lay_out(folder: Path, module: str, plugin: str) -> None:
    """Make a module's folder: its descriptor and those of its jars that the node itself does not have."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = DESCRIPTOR.format(name=module, version=VERSION, plugin=plugin)
    (folder / "plugin-descriptor.properties").write_text(descriptor, encoding="utf-8")
    own = {_key(artifact.coordinate) for artifact in locked("opensearch")}
    wanted = {
        folder / artifact.name: cached(artifact)
        for artifact in locked(f"opensearch-{module}")
        if _key(artifact.coordinate) not in own
    }
    for stale in set(folder.glob("*.jar")) - set(wanted):
        stale.unlink()
    for link, target in wanted.items():
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def _key(coordinate: str) -> str:
    """A coordinate without its version: two jars of one key on one class path are refused ("jar hell")."""
    return coordinate.rsplit(":", 1)[0]
