"""The Ingest service of schemas/proto/ingest.proto: the same intake as over HTTP, in other words."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import grpc

from schemas.proto import ingest_pb2 as pb
from services.ingest_gateway import answer
from services.ingest_gateway.config import GatewaySettings
from services.ingest_gateway.errors import BODY_TOO_LARGE, KAFKA_AWAY, FieldError, Kind, RefusedError
from services.ingest_gateway.http_api import api_key_of
from services.ingest_gateway.intake import Intake
from services.ingest_gateway.metrics import GatewayMetrics
from services.ingest_gateway.publish import Pending, Rejected, Result
from services.ingest_gateway.split import records_of_messages
from streamkit.kafka.async_producer import Undelivered

REFUSED_METADATA: Final = "kapstan-refused-bin"
WINDOW: Final = 32
"""Batches of one stream that may wait for Kafka; then the server reads no further until one is answered."""

_INTERNAL: Final = Kind("internal_error", 500, "INTERNAL")
_SERVICE: Final = pb.DESCRIPTOR.services_by_name["Ingest"].full_name
_log = logging.getLogger(__name__)


class _Begun(NamedTuple):
    """A batch of a stream: its number, when it came, and what became of it."""

    sequence: int
    started: float
    pending: Pending | RefusedError


class GrpcDoor:
    """Serves Publish and PublishStream."""

    def __init__(self, intake: Intake, settings: GatewaySettings) -> None:
        self._intake = intake
        self._settings = settings

    async def publish(self, request: pb.PublishRequest, context: Any) -> pb.PublishResponse:
        """Write one batch; a refusal of the whole request becomes the call's status."""
        started = time.perf_counter()
        try:
            pending = await self._begin(request, _metadata(context))
            response = response_of(await pending.results(), request.sequence)
        except RefusedError as refused:
            _observe(refused.kind.code, started)
            await _abort(context, refused)
            raise
        if response.failed and not response.landed_index and response.retry_after_ms:
            _observe(answer.code_of(answer.UNAVAILABLE), started)
            await _abort(context, _nothing_landed(response))
        _observe("ok", started)
        return response

    async def publish_stream(
        self, requests: AsyncIterator[pb.PublishRequest], context: Any
    ) -> AsyncIterator[pb.PublishResponse]:
        """Write batches in the order in which they come; answer each, in the same order."""
        # The queue has no bound of its own, so that its end can be told when nobody takes from it any more.
        begun: asyncio.Queue[_Begun | None] = asyncio.Queue()
        room = asyncio.Semaphore(WINDOW)
        reader = asyncio.create_task(self._read(requests, _metadata(context), begun, room))
        try:
            while (item := await begun.get()) is not None:
                yield await _answer(item)
                room.release()
            await reader  # raises what broke the stream
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read(
        self,
        requests: AsyncIterator[pb.PublishRequest],
        metadata: Mapping[bytes, bytes],
        begun: "asyncio.Queue[_Begun | None]",
        room: asyncio.Semaphore,
    ) -> None:
        try:
            # Room before the message: a message read without it would wait in no budget, and so
            # would one of every other stream.
            while await room.acquire() and (request := await anext(requests, None)) is not None:
                started = time.perf_counter()
                try:
                    pending: Pending | RefusedError = await self._begin(request, metadata)
                except RefusedError as refused:
                    pending = refused
                begun.put_nowait(_Begun(request.sequence, started, pending))
        finally:
            begun.put_nowait(None)

    async def _begin(self, request: pb.PublishRequest, metadata: Mapping[bytes, bytes]) -> Pending:
        ticket = self._intake.admit(
            request.topic, api_key_of(metadata), request.key or None, metadata.get(b"traceparent")
        )
        events = list(request.events)
        size = sum(map(len, events))
        try:
            return await self._intake.begin(
                ticket,
                lambda: b"\n".join(events),
                lambda: records_of_messages(events, self._limit(size)),
                size,
            )
        except RefusedError:
            raise
        except Exception as error:
            _log.exception("A request to %s failed", request.topic[:200])
            raise RefusedError(_INTERNAL, "The gateway failed; its log says why.") from error

    def _limit(self, size: int) -> int:
        limit = self._settings.max_body_bytes
        if size > limit:
            raise RefusedError(
                BODY_TOO_LARGE,
                f"The events have {size} bytes, more than {limit}.",
                hint="Send several smaller batches.",
                errors=(FieldError("", f"events of at most {limit} bytes", f"{size} bytes"),),
            )
        return self._settings.max_batch_records


def server_of(door: GrpcDoor, settings: GatewaySettings) -> tuple[Any, int]:
    """Return a gRPC server and its port, bound and not yet started; raises RuntimeError when it is taken."""
    server = grpc.aio.server(
        # What a call has sent is in the budget from the moment its message is whole; until then, each call
        # may hold one message. The limit on streams below is for each connection, this one for all of them:
        # the library ends a call above it with RESOURCE_EXHAUSTED.
        maximum_concurrent_rpcs=settings.max_grpc_calls,
        options=[
            # A batch above our own limit is refused with a pointed error; far above it, by the library.
            ("grpc.max_receive_message_length", 2 * settings.max_body_bytes),
            ("grpc.max_concurrent_streams", 1000),
            ("grpc.so_reuseport", 0),
        ],
    )
    methods = {
        "Publish": grpc.unary_unary_rpc_method_handler(
            door.publish, pb.PublishRequest.FromString, pb.PublishResponse.SerializeToString
        ),
        "PublishStream": grpc.stream_stream_rpc_method_handler(
            door.publish_stream, pb.PublishRequest.FromString, pb.PublishResponse.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, methods),))
    return server, server.add_insecure_port(f"{settings.http_host}:{settings.grpc_port}")


def response_of(results: Sequence[Result], sequence: int) -> pb.PublishResponse:
    """Return the response with an outcome for each record."""
    response = pb.PublishResponse(sequence=sequence)
    landed = [
        (index, result)
        for index, result in enumerate(results)
        if not isinstance(result, Rejected | Undelivered)
    ]
    response.landed_index.extend([index for index, _ in landed])
    response.landed_partition.extend([result[0] for _, result in landed])
    response.landed_offset.extend([result[1] for _, result in landed])
    if len(landed) == len(results):
        return response
    for index, result in enumerate(results):
        if isinstance(result, Rejected):
            errors = [pb.FieldError(**error._asdict()) for error in result.errors]
            response.rejected.add(index=index, errors=errors, reject_id=result.reject_id or "")
        elif isinstance(result, Undelivered):
            response.failed.add(index=index, code=result.code, detail=result.text, retryable=result.retryable)
    response.retry_after_ms = 1000 * (answer.retry_after(results) or 0)
    return response


def refused_message(refused: RefusedError) -> pb.RequestRefused:
    """Return a refusal as a message."""
    return pb.RequestRefused(
        code=refused.kind.code,
        detail=refused.message,
        hint=refused.hint or "",
        grpc_status=refused.kind.grpc,
        retry_after_ms=1000 * (refused.retry_after_s or 0),
        errors=[pb.FieldError(**error._asdict()) for error in refused.errors],
        reject_id=refused.reject_id or "",
    )


async def _answer(item: _Begun) -> pb.PublishResponse:
    if isinstance(item.pending, RefusedError):
        response = pb.PublishResponse(sequence=item.sequence, refused=refused_message(item.pending))
        _observe(item.pending.kind.code, item.started)
    else:
        response = response_of(await item.pending.results(), item.sequence)
        _observe("ok", item.started)
    return response


async def _abort(context: Any, refused: RefusedError) -> None:
    """End a call with a status; does not return."""
    metadata = [(REFUSED_METADATA, refused_message(refused).SerializeToString())]
    if refused.retry_after_s is not None:
        metadata.append(("retry-after", str(refused.retry_after_s).encode()))
    text = refused.message if refused.hint is None else f"{refused.message} {refused.hint}"
    await context.abort(getattr(grpc.StatusCode, refused.kind.grpc), text, tuple(metadata))


def _nothing_landed(response: pb.PublishResponse) -> RefusedError:
    first = response.failed[0]
    return RefusedError(
        KAFKA_AWAY,
        f"No record was acknowledged ({first.code}: {first.detail})",
        hint="They may be stored all the same: send them again with the same event ids.",
        retry_after_s=response.retry_after_ms // 1000,
    )


def _metadata(context: Any) -> dict[bytes, bytes]:
    """Return a call's metadata in the form of HTTP headers."""
    pairs = context.invocation_metadata() or ()
    return {key.encode(): value if isinstance(value, bytes) else value.encode() for key, value in pairs}


def _observe(code: str, started: float) -> None:
    GatewayMetrics.answers_total.inc(protocol="grpc", code=code)
    GatewayMetrics.request_seconds.observe(time.perf_counter() - started, protocol="grpc")
