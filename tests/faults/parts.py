"""The parts of a stage: the platform's own, each with a way to prepare its next life, and more workers."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from local.component import Component
from local.components import components
from local.probe import http_missing
from local.services import Service
from local.stack import Stack

TRANSFORMS = ("refiner", "enricher", "fraud_scorer")
DECIDING = ("ingest_gateway", *TRANSFORMS)
CORE = (*DECIDING, "lake_sink")
STATEFUL = (
    *("kafka", "registry", "seaweedfs"),
    *("postgres", "connect"),
    *("opensearch", "search_sink", "live_views"),
    *("flink", "flink_taskmanager", "windows"),
)
"""What else can be killed and stopped: stores, what moves data between them, and what shows it."""
EXTRA = (1, 2)
"""Slots of further workers, beside slot 0."""

FLUSH_MS = 2_000
CHECKPOINT_MS = 4_000
_PROXY_PORT, _FIRST_EXTRA_PORT = 60, 61

# Of the first life that finds the file, and of no other: it is moved away before it is read.
_ONE_LIFE = 'if mv "$0" "$0.taken" 2>/dev/null; then echo $$ >"$0.pid"; . "$0.taken"; fi; exec "$@"'


def proxy_port(stack: Stack) -> int:
    """Where the proxy before the lake's catalog listens."""
    return stack.port_base + _PROXY_PORT


def one_life_file(stack: Stack, name: str) -> Path:
    """A piece of shell that the next life of a service runs before it begins; no later one does."""
    return stack.run / f"{name}.one-life"


def worker_name(service: str, slot: int) -> str:
    """What the worker of a slot is called among the parts."""
    return service if slot == 0 else f"{service}_{slot}"


class Staged(Component):
    """A service that runs what `one_life_file` holds first, with settings of the stage's."""

    def __init__(self, inner: Component, settings: Mapping[str, str] | None = None) -> None:
        """Take the service and further environment variables."""
        self._inner = inner
        self._settings = settings or {}
        for name in ("name", "needs", "ports", "memory_mb", "remedy", "background"):
            setattr(self, name, getattr(inner, name))

    def prepare(self, stack: Stack) -> None:
        self._inner.prepare(stack)

    def command(self, stack: Stack) -> list[str]:
        return ["/bin/sh", "-c", _ONE_LIFE, str(one_life_file(stack, self.name)), *self._inner.command(stack)]

    def environment(self, stack: Stack) -> dict[str, str]:
        return {**self._inner.environment(stack), **self._settings}

    def waiting_for(self, stack: Stack) -> str | None:
        return self._inner.waiting_for(stack)


class Extra(Service):
    """One more worker of a transform, in a slot of its own."""

    def __init__(self, service: str, slot: int, port: int) -> None:
        """Take the service, its slot and the health server's port, counted from the stack's first."""
        super().__init__(service)
        self.name = worker_name(service, slot)
        self.ports = ()
        self._service, self._slot, self._port = service, slot, port

    def command(self, stack: Stack) -> list[str]:
        return [sys.executable, "-P", "-m", f"services.{self._service}"]

    def environment(self, stack: Stack) -> dict[str, str]:
        home = stack.data(self.name)
        return {
            **Service(self._service).environment(stack),
            "KAPSTAN_SLOT": str(self._slot),
            "KAPSTAN_HTTP_PORT": str(stack.port_base + self._port),
            "KAPSTAN_STATE_DIR": str(home / "state"),
        }

    def waiting_for(self, stack: Stack) -> str | None:
        return http_missing(stack.port_base + self._port, "/readyz")


def staged(stack: Stack) -> dict[str, Component]:
    """Every component of the platform as a stage runs it, and the further workers of its transforms."""
    known = components()
    settings = {
        "lake_sink": {
            "KAPSTAN_LAKE_FLUSH_AGE_MS": str(FLUSH_MS),
            "KAPSTAN_CATALOG_URI": f"http://127.0.0.1:{proxy_port(stack)}",
        },
        "windows": {"KAPSTAN_CHECKPOINT_INTERVAL_MS": str(CHECKPOINT_MS)},
    }
    for name in (*CORE, "search_sink", "live_views", "windows"):
        known[name] = Staged(known[name], settings.get(name))
    port = _FIRST_EXTRA_PORT
    for service in TRANSFORMS:
        for slot in EXTRA:
            known[worker_name(service, slot)] = Staged(Extra(service, slot, port))
            port += 1
    return known


def crash_at(point: str) -> str:
    """The shell that arms a crash point."""
    return f"export KAPSTAN_CRASH_AT={shlex.quote(point)}\n"
