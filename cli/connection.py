"""The clients that operator commands work with: of the environment's cluster, else of the local stack."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from local.places import repository
from local.stack import Stack
from streamkit.clock import SystemClock
from streamkit.errors import RetryableError, StreamkitError
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient
from streamkit.topics_apply import Platform

Schemas = Annotated[Path, typer.Option("--schemas", help="The folder with topics/, avro/ and windows/.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON line instead of text.")]

_CONNECT_S = 2.0
SCHEMAS = repository() / "schemas"


@contextmanager
def connected(home: Path | None, port_base: int | None) -> Iterator[Platform]:
    """Give the clients; a StreamkitError inside becomes one message and exit code 1.

    KAPSTAN_BOOTSTRAP_SERVERS and KAPSTAN_REGISTRY_URL, when set, name another cluster than the stack's.
    """
    stack = Stack.at(home, port_base)
    servers = os.environ.get("KAPSTAN_BOOTSTRAP_SERVERS") or stack.bootstrap_servers
    # The client would report each failed attempt on stderr; what matters ends in an error anyway.
    logging.getLogger("streamkit.kafka").setLevel(logging.CRITICAL)
    registry = RegistryClient(os.environ.get("KAPSTAN_REGISTRY_URL") or stack.registry_url)
    try:
        with messages():
            _check_answers(servers)
            broker = KafkaBroker(servers, {"log_level": 0})
            yield Platform(broker, broker.admin(), registry, SystemClock())
    finally:
        registry.close()


@contextmanager
def messages() -> Iterator[None]:
    """Turn a StreamkitError into one message on stderr and exit code 1."""
    try:
        yield
    except StreamkitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _check_answers(servers: str) -> None:
    """Raise RetryableError at once when nobody listens; the Kafka client would try for ten seconds."""
    for address in servers.split(","):
        host, _, port = address.strip().rpartition(":")
        with suppress(OSError), socket.create_connection((host, int(port)), timeout=_CONNECT_S):
            return
    raise RetryableError(f"Kafka does not answer at {servers}.", hint="Start it with `kapstan up`.")
