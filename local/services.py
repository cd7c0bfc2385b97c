"""The platform's own services, each one process in the environment that runs `kapstan`."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

from local.component import Component
from local.errors import RuntimeProblem
from local.places import repository
from local.probe import http_missing
from local.seaweedfs import WAREHOUSE, s3_key
from local.stack import Stack, random_token


class Service(Component):
    """One of services/: named like its package, ready when /readyz says so, set by KAPSTAN_ variables."""

    def __init__(
        self, name: str, needs: tuple[str, ...] = (), memory_mb: int = 150, *, background: bool = False
    ) -> None:
        self.name = name
        self.background = background
        self.needs = ("kafka", "registry", *needs)
        self.ports = (f"{name}.http",)
        self.memory_mb = memory_mb
        self.remedy = f"read the log; services/{name}/README.md has a table of what goes wrong"

    def prepare(self, stack: Stack) -> None:
        """Make the catalogue's topics before the first service starts."""
        apply_topics(stack)

    def command(self, stack: Stack) -> list[str]:  # noqa: ARG002 - its settings are variables
        return [sys.executable, "-P", "-m", f"services.{self.name}"]

    def environment(self, stack: Stack) -> dict[str, str]:
        return {
            "KAPSTAN_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "KAPSTAN_REGISTRY_URL": stack.registry_url,
            "KAPSTAN_NAMESPACE": "",
            "KAPSTAN_HTTP_PORT": str(stack.port(f"{self.name}.http")),
            "KAPSTAN_STATE_DIR": str(stack.data(self.name) / "state"),
            "KAPSTAN_SLOT": "0",
            "KAPSTAN_SCHEMAS_DIR": str(repository() / "schemas"),
            "MALLOC_ARENA_MAX": "2",  # glibc would keep an arena of freed memory per thread
        }

    def waiting_for(self, stack: Stack) -> str | None:
        return http_missing(stack.port(f"{self.name}.http"), "/readyz")

    def addresses(self, stack: Stack) -> dict[str, str]:
        return {self.name: stack.url(f"{self.name}.http")}


class Gateway(Service):
    """The service with a second port and a file of API keys."""

    def __init__(self) -> None:
        super().__init__("ingest_gateway")
        self.ports = ("ingest_gateway.http", "ingest_gateway.grpc")

    def environment(self, stack: Stack) -> dict[str, str]:
        demo_key(stack)
        return super().environment(stack) | {
            "KAPSTAN_GRPC_PORT": str(stack.port("ingest_gateway.grpc")),
            "KAPSTAN_API_KEYS_FILE": str(stack.secret_file("api-keys")),
        }

    def addresses(self, stack: Stack) -> dict[str, str]:
        return {
            "Gateway, HTTP": f"{stack.url('ingest_gateway.http')}/docs",
            "Gateway, gRPC": f"127.0.0.1:{stack.port('ingest_gateway.grpc')}",
        }


class LakeSink(Service):
    """The service that needs the lake's addresses and key."""

    def environment(self, stack: Stack) -> dict[str, str]:
        s3_key(stack)
        return super().environment(stack) | {
            "KAPSTAN_CATALOG_URI": stack.url("seaweedfs.iceberg"),
            "KAPSTAN_S3_ENDPOINT": stack.url("seaweedfs.s3"),
            "KAPSTAN_S3_ACCESS_KEY_FILE": str(stack.secret_file("s3")),
            "KAPSTAN_WAREHOUSE": WAREHOUSE,
        }


class SearchSink(Service):
    """The service that needs OpenSearch's address."""

    def environment(self, stack: Stack) -> dict[str, str]:
        return super().environment(stack) | {"KAPSTAN_OPENSEARCH_URL": stack.url("opensearch.http")}


def services() -> list[Component]:
    """Every service of the platform."""
    return [
        Gateway(),
        Service("refiner"),
        Service("enricher"),
        Service("fraud_scorer"),
        LakeSink("lake_sink", needs=("seaweedfs",), memory_mb=300, background=True),
        SearchSink("search_sink", needs=("opensearch",), background=True),
        Service("live_views", background=True),
    ]


def demo_key(stack: Stack) -> str:
    """The API key that the demo's senders use; the gateway's file, mode 0600, holds only its hash."""
    key = str(stack.secret("demo-key", lambda: {"key": random_token()})["key"])
    digest = hashlib.sha256(key.encode()).hexdigest()
    grant = {"name": "demo", "sha256": digest, "tenant": "default", "topics": ["*"]}
    stack.secret("api-keys", lambda: {"keys": [grant]})
    return key


def apply_topics(stack: Stack) -> None:
    """Run `kapstan topics apply` for the stack, unless its schemas are those of the last time; blocks."""
    mark = stack.run / "topics.applied"
    current = _digest_of_schemas()
    if mark.is_file() and mark.read_text(encoding="utf-8") == current:
        return
    environ = {
        "KAPSTAN_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "KAPSTAN_REGISTRY_URL": stack.registry_url,
        "PYTHONPATH": str(repository()),
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli", "topics", "apply"],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeProblem(
            "kapstan",
            f"could not make the catalogue's topics: {(done.stderr or done.stdout).strip()}",
            remedy="mend the catalogue (`kapstan topics diff` shows what would change)",
        )
    mark.write_text(current, encoding="utf-8")


def _digest_of_schemas() -> str:
    digest = hashlib.sha256()
    for path in sorted((repository() / "schemas").rglob("*")):
        if path.is_file():
            digest.update(path.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
