"""The two servers as context managers: bound with a clear error, stopped when what was let in is answered."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Final

import uvicorn

from services.ingest_gateway.config import GatewaySettings
from services.ingest_gateway.grpc_api import GrpcDoor, server_of
from services.ingest_gateway.http_api import App
from streamkit.errors import StopError

DRAIN_S: Final = 6
"""How long what was let in may take to be answered; above the default deadline of a request."""

_BACKLOG: Final = 2048


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: the service stops its parts in an order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def http_server(app: App, settings: GatewaySettings) -> AsyncIterator[int]:
    """Serve HTTP inside the block; yields the port. Raises StopError when it is taken."""
    listener = _listen(settings.http_host, settings.http_port)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await serving


@contextlib.asynccontextmanager
async def grpc_server(door: GrpcDoor, settings: GatewaySettings) -> AsyncIterator[int]:
    """Serve gRPC inside the block; yields the port. Raises StopError when it is taken."""
    try:
        server, port = server_of(door, settings)
    except RuntimeError as error:
        raise _taken("gRPC", settings.http_host, settings.grpc_port, str(error)) from error
    await server.start()
    try:
        yield port
    finally:
        await server.stop(DRAIN_S)


@contextlib.asynccontextmanager
async def background(stop: Callable[[], None], *work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run coroutines beside the block; one that fails calls `stop`, and its error is raised afterwards."""
    tasks = [asyncio.create_task(each) for each in work]
    for task in tasks:
        task.add_done_callback(lambda done: None if done.cancelled() else stop())
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=_BACKLOG, reuse_port=False)
    except OSError as error:
        raise _taken("HTTP", host, port, error.strerror or str(error)) from error


def _taken(protocol: str, host: str, port: int, reason: str) -> StopError:
    return StopError(
        f"The gateway cannot serve {protocol} on {host}:{port}: {reason}.",
        hint=f"Free the port or set KAPSTAN_{'HTTP' if protocol == 'HTTP' else 'GRPC'}_PORT to another one.",
    )
