"""Small questions to a port on this machine, without any client library."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from typing import Any

TIMEOUT = 2.0


def http_missing(port: int, path: str) -> str | None:
    """None when GET `path` on 127.0.0.1:`port` answers 200, else what came instead."""
    try:
        status, _ = http_call("GET", port, path)
    except (OSError, http.client.HTTPException) as error:
        return f"no answer on port {port} ({error})"
    return None if status == http.client.OK else f"{path} answers {status}"


def http_call(
    method: str, port: int, path: str, body: Any = None, timeout: float = TIMEOUT
) -> tuple[int, bytes]:
    """One JSON request to 127.0.0.1:`port`; status and body. OSError or HTTPException when it is away."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def tcp_missing(port: int) -> str | None:
    """None when 127.0.0.1:`port` accepts a connection."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT).close()
    except OSError as error:
        return f"no answer on port {port} ({error})"
    return None


def kafka_brokers(port: int) -> list[tuple[int, str, int]]:
    """The (id, host, port) of each unfenced broker that 127.0.0.1:`port` knows; OSError when it is away.

    Kafka protocol: Metadata request version 1 (api key 3) with an empty list of topics.
    """
    request = struct.pack(">hhih7si", 3, 1, 1, 7, b"kapstan", 0)
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        size = struct.unpack(">i", _read(connection, 4))[0]
        return parse_brokers(_read(connection, size))


def parse_brokers(response: bytes) -> list[tuple[int, str, int]]:
    """The brokers of a Metadata response, version 1 (correlation id first). struct.error when cut short."""
    count = struct.unpack_from(">i", response, 4)[0]
    at, brokers = 8, []
    for _ in range(count):
        node, length = struct.unpack_from(">ih", response, at)
        host = response[at + 6 : at + 6 + length].decode()
        at += 6 + length
        broker_port, rack = struct.unpack_from(">ih", response, at)
        at += 6 + max(rack, 0)
        brokers.append((node, host, broker_port))
    return brokers


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionError("closed in the middle of an answer")
        data += chunk
    return data
