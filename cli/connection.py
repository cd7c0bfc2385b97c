"""The clients that operator commands work with: of the environment's cluster, else of the local stack."""

import logging
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from local.errors import RuntimeProblem
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
_LAST_PORT = 65535
SCHEMAS = repository() / "schemas"


@contextmanager
def connected(home: Path | None, port_base: int | None) -> Iterator[Platform]:
    """Give the clients; a StreamkitError inside becomes one message and exit code 1.

    KAPSTAN_BOOTSTRAP_SERVERS and KAPSTAN_REGISTRY_URL, when set, name another cluster than the stack's.
    RuntimeProblem when one of them holds no address.
    """
    stack = Stack.at(home, port_base)
    told = port_base or {"KAPSTAN_PORT_BASE", "KAPSTAN_BOOTSTRAP_SERVERS"} & os.environ.keys()
    if home is not None and stack.recorded_base is None and not told:
        # The default ports would be another stack's.
        raise RuntimeProblem(
            "kapstan",
            f"no stack was ever started in {home}",
            remedy=f"look at the path, or start one: kapstan up --home {home}",
        )
    servers = os.environ.get("KAPSTAN_BOOTSTRAP_SERVERS") or stack.bootstrap_servers
    addresses = _addresses(servers)
    registry_url = _registry_url(os.environ.get("KAPSTAN_REGISTRY_URL") or stack.registry_url)
    # The client would report each failed attempt on stderr; what matters ends in an error anyway.
    logging.getLogger("streamkit.kafka").setLevel(logging.CRITICAL)
    registry = RegistryClient(registry_url)
    try:
        with messages():
            _check_answers(servers, addresses)
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


def _addresses(servers: str) -> list[tuple[str, int]]:
    """The host and port of each server; RuntimeProblem when there is one without."""
    found = []
    for address in servers.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) <= _LAST_PORT:
            raise RuntimeProblem(
                "kapstan",
                f"KAPSTAN_BOOTSTRAP_SERVERS is {servers!r}: {address.strip()!r} is not HOST:PORT",
                remedy="set it to HOST:PORT[,HOST:PORT...], or unset it to use the local stack",
            )
        found.append((host.strip("[]"), int(port)))  # brackets stand around an IPv6 address
    return found


def _registry_url(url: str) -> str:
    """The same URL; RuntimeProblem when it is none."""
    try:
        parts = urlsplit(url)
        well_formed = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # `port` raises it for what is no port number
        well_formed = False
    if not well_formed:
        raise RuntimeProblem(
            "kapstan",
            f"KAPSTAN_REGISTRY_URL is {url!r}, which is no http:// or https:// address",
            remedy="set it to the registry's address without a path, or unset it to use the local stack",
        )
    return url


def _check_answers(servers: str, addresses: Iterable[tuple[str, int]]) -> None:
    """Raise RetryableError at once when nobody listens; the Kafka client would try for ten seconds."""
    for address in addresses:
        with suppress(OSError), socket.create_connection(address, timeout=_CONNECT_S):
            return
    raise RetryableError(f"Kafka does not answer at {servers}.", hint="Start it with `kapstan up`.")
