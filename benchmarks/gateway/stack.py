"""A gateway of the benchmark's own, on real Kafka and a real registry."""

import contextlib
import hashlib
import json
import os
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.gateway.load import Target
from local import supervise
from local.poll import until
from local.stack import Stack
from streamkit.catalogue import Catalogue
from streamkit.clock import SystemClock
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient
from streamkit.topics import plan
from streamkit.topics_apply import Platform, apply, observe

PORT_BASE: Final = 17500
ROOT: Final = Path(__file__).parents[2]


def apply_topics(stack: Stack) -> None:
    """Make the catalogue's topics and schemas on a stack with Kafka and the registry. Blocks."""
    broker = KafkaBroker(stack.bootstrap_servers)
    registry = RegistryClient(stack.registry_url)
    platform = Platform(broker, broker.admin(), registry, SystemClock())
    declared = Catalogue.load(ROOT / "schemas")
    apply(platform, declared, plan(declared, observe(platform, declared)))
    registry.close()


def keys_file(folder: Path, key: str) -> Path:
    """Write a keys file with one key that may write everything."""
    path = folder / "api-keys.json"
    digest = hashlib.sha256(key.encode()).hexdigest()
    path.write_text(json.dumps({"keys": [{"name": "bench", "sha256": digest}]}), encoding="utf-8")
    path.chmod(0o600)
    return path


@contextlib.contextmanager
def gateway(stack: Stack, folder: Path, key: str, **environment: str) -> Iterator[Target]:
    """Run a gateway beside a stack until the block ends; raises RuntimeError when it does not get ready."""
    target = Target("127.0.0.1", stack.port("ingest_gateway.http"), stack.port("ingest_gateway.grpc"), key)
    settings = {
        "KAPSTAN_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "KAPSTAN_REGISTRY_URL": stack.registry_url,
        "KAPSTAN_HTTP_PORT": str(target.http_port),
        "KAPSTAN_GRPC_PORT": str(target.grpc_port),
        "KAPSTAN_API_KEYS_FILE": str(keys_file(folder, key)),
        **environment,
    }
    log = folder / "gateway.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.ingest_gateway"],
            cwd=ROOT,
            env={**os.environ, **settings},
            stderr=out,
        )
    try:
        if not until(lambda: process.poll() is not None or _ready(target), 30) or process.poll() is not None:
            raise RuntimeError(f"The gateway did not become ready; its log ends: {log.read_text()[-2000:]}")
        yield target
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def own_gateway(folder: Path) -> Iterator[Target]:
    """Run Kafka, the registry and a gateway in `folder` until the block ends."""
    folder.chmod(0o711)
    stack = Stack(folder, PORT_BASE)
    try:
        supervise.up(stack, only=["kafka", "registry"])
        apply_topics(stack)
        with gateway(stack, folder, secrets.token_urlsafe(24)) as target:
            yield target
    finally:
        supervise.down(stack)


def _ready(target: Target) -> bool:
    url = f"http://{target.host}:{target.http_port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
