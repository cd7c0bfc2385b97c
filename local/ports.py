"""Every port of a stack, as an offset from the stack's base, and who holds one that is taken."""

from __future__ import annotations

import socket
from types import MappingProxyType

import psutil

DEFAULT_BASE = 18000
LOWEST_BASE, HIGHEST_BASE = 1024, 65435  # below are ports of the system, above is no room for all
SPAN = 100  # two stacks run side by side when their bases are at least this far apart

OFFSETS = MappingProxyType(
    {
        "kafka.broker": 0,
        "kafka.controller": 1,
        "registry.http": 2,
        "registry.management": 3,
        "postgres.sql": 4,
        "connect.http": 5,
        "seaweedfs.s3": 10,
        "seaweedfs.iceberg": 11,
        "seaweedfs.master": 12,
        "seaweedfs.volume": 13,
        "seaweedfs.filer": 14,
        "seaweedfs.master-grpc": 15,
        "seaweedfs.volume-grpc": 16,
        "seaweedfs.filer-grpc": 17,
        "seaweedfs.s3-grpc": 18,
        "flink.rest": 30,
        "flink.jobmanager-rpc": 31,
        "flink.blob": 32,
        "flink.taskmanager-rpc": 33,
        "flink.taskmanager-data": 34,
        "opensearch.http": 40,
        "opensearch.transport": 41,
        "ingest_gateway.http": 50,
        "ingest_gateway.grpc": 51,
        "refiner.http": 52,
        "enricher.http": 53,
        "fraud_scorer.http": 54,
        "lake_sink.http": 55,
        "search_sink.http": 56,
        "live_views.http": 57,
    }
)


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def holder(port: int) -> str:
    """Who listens on `port`, as "name (pid N)"; "another program" when this user may not know."""
    try:
        for connection in psutil.net_connections("tcp"):
            local = connection.laddr
            if connection.status == psutil.CONN_LISTEN and local and local.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return "another program"
