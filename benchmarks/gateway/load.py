"""Closed-loop load over HTTP and gRPC, written so that the client costs little beside the server."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import grpc

from benchmarks.gateway.events import TOPIC, body
from schemas.proto import ingest_pb2 as pb
from schemas.proto import ingest_pb2_grpc as rpc

_END: Final = b"\r\n\r\n"
_WINDOW: Final = 8
"""Batches that a gRPC stream has under way."""


@dataclass(slots=True)
class Measured:
    """What one run saw: events acknowledged, the seconds it took, the seconds each request took."""

    events: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds

    def quantile_ms(self, q: float) -> float:
        """Return a quantile of the requests' latency in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(q * len(ordered)))]


@dataclass(frozen=True, slots=True)
class Target:
    """Where the gateway is, and the API key."""

    host: str
    http_port: int
    grpc_port: int
    key: str


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection that sends the next request when the last one was answered."""

    def __init__(
        self, requests: "itertools.cycle[bytes]", size: int, until: float, measured: Measured
    ) -> None:
        self._requests, self._size, self._until, self._measured = requests, size, until, measured
        self._buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_END)
        if end < 0:
            return
        head = self._buffer[:end].lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self._buffer) < end + len(_END) + length:
            return
        if not head.startswith(b"http/1.1 200"):
            self._finish(RuntimeError(f"the gateway answered {self._buffer[:300]!r}"))
            return
        self._buffer = b""
        now = time.perf_counter()
        self._measured.latencies.append(now - self._sent)
        self._measured.events += self._size
        if now < self._until:
            self._next()
        else:
            self._finish(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(exc or RuntimeError("the gateway closed the connection"))

    def _next(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

    def _finish(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
        self._transport.close()


async def over_http(
    target: Target, batches: Sequence[list[bytes]], connections: int, seconds: float
) -> Measured:
    """Send batches over `connections` for `seconds`; raises RuntimeError unless each is answered 200."""
    requests = [_request(target, batch) for batch in batches]
    measured = Measured()
    loop, started = asyncio.get_running_loop(), time.perf_counter()
    protocols = []
    for number in range(connections):
        mine = itertools.cycle(requests[number % len(requests) :] + requests[: number % len(requests)])
        _, protocol = await loop.create_connection(
            lambda mine=mine: _Connection(mine, len(batches[0]), started + seconds, measured),  # type: ignore[misc]
            target.host,
            target.http_port,
        )
        protocols.append(protocol)
    await asyncio.gather(*(protocol.done for protocol in protocols))
    measured.seconds = time.perf_counter() - started
    return measured


def _request(target: Target, batch: list[bytes]) -> bytes:
    content = body(batch)
    head = (
        f"POST /v1/topics/{TOPIC}/events HTTP/1.1\r\nHost: {target.host}\r\n"
        f"Authorization: Bearer {target.key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def over_grpc(target: Target, batches: Sequence[list[bytes]], streams: int, seconds: float) -> Measured:
    """Send batches over bidirectional streams for `seconds`; raises RuntimeError when a record is refused."""
    measured = Measured()
    started = time.perf_counter()
    async with grpc.aio.insecure_channel(f"{target.host}:{target.grpc_port}") as channel:
        stub = rpc.IngestStub(channel)  # type: ignore[no-untyped-call]
        await asyncio.gather(
            *(_stream(stub, target, batches, started + seconds, measured) for _ in range(streams))
        )
    measured.seconds = time.perf_counter() - started
    return measured


async def _stream(
    stub: "rpc.IngestStub", target: Target, batches: Sequence[list[bytes]], until: float, measured: Measured
) -> None:
    sent: dict[int, float] = {}
    room = asyncio.Semaphore(_WINDOW)

    async def requests() -> AsyncIterator[pb.PublishRequest]:
        for sequence, batch in enumerate(itertools.cycle(batches)):
            await room.acquire()
            now = time.perf_counter()
            if now > until:
                return
            sent[sequence] = now
            yield pb.PublishRequest(topic=TOPIC, events=batch, sequence=sequence)

    metadata = (("authorization", f"Bearer {target.key}"),)
    async for response in stub.PublishStream(requests(), metadata=metadata):
        if len(response.landed_offset) != len(batches[0]):
            raise RuntimeError(f"the gateway answered {str(response)[:300]}")
        measured.latencies.append(time.perf_counter() - sent.pop(response.sequence))
        measured.events += len(response.landed_offset)
        room.release()
