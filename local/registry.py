"""Apicurio Registry with its Confluent-compatible API; its H2 file survives kill -9."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from local.artifacts import locked
from local.component import Component
from local.errors import RuntimeProblem
from local.fetch import unpacked
from local.java import java
from local.probe import http_call, http_missing
from local.stack import Stack


class Registry(Component):
    name = "registry"
    ports = ("registry.http", "registry.management")
    artifacts = ("registry",)
    memory_mb = 450
    stop_seconds = 60  # the first time, it writes its start-up cache
    remedy = "read the log; `kapstan reset` starts over with an empty registry"

    def command(self, stack: Stack) -> list[str]:
        settings = {
            "apicurio.storage.kind": "sql",
            "apicurio.storage.sql.kind": "h2",
            "apicurio.datasource.url": f"jdbc:h2:file:{stack.data(self.name) / 'registry'}",
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": str(stack.port("registry.http")),
            "quarkus.management.host": "127.0.0.1",  # else it listens on every interface
            "quarkus.management.port": str(stack.port("registry.management")),
            "quarkus.http.access-log.enabled": "false",
        }
        options = [f"-D{key}={value}" for key, value in settings.items()]
        # Without this its worker threads die of an IllegalAccessError on Java 24 and later.
        options.append("--add-opens=java.base/java.lang=ALL-UNNAMED")
        start = java(stack, self.name, heap_mb=256, path=str(_jar()), options=options)
        return [*start, "io.quarkus.bootstrap.runner.QuarkusEntryPoint"]

    def waiting_for(self, stack: Stack) -> str | None:
        return http_missing(stack.port("registry.http"), "/apis/ccompat/v7/subjects")

    def started(self, stack: Stack) -> None:
        """Set the global rule: the registry's own default lets any schema in."""
        path = "/apis/ccompat/v7/config"
        status, answer = http_call(
            "PUT", stack.port("registry.http"), path, {"compatibility": "BACKWARD"}, 30
        )
        if status != HTTPStatus.OK:
            raise RuntimeProblem(self.name, f"PUT {path} answered {status}: {answer!r}", remedy=self.remedy)

    def addresses(self, stack: Stack) -> dict[str, str]:
        return {"Schema registry": f"{stack.registry_url}/apis/ccompat/v7"}


def _jar() -> Path:
    (archive,) = locked("registry")
    return unpacked(archive) / "quarkus-run.jar"
