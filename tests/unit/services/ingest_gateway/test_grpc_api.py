import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from schemas.proto import ingest_pb2 as pb
from services.ingest_gateway.errors import FieldError
from services.ingest_gateway.grpc_api import REFUSED_METADATA, WINDOW, GrpcDoor, response_of, server_of
from services.ingest_gateway.publish import Rejected
from streamkit.kafka.async_producer import Undelivered
from tests.unit.services.ingest_gateway.world import GOOD, ORDERS, World, until, world

EVENT = json.dumps(GOOD).encode()
KEY = (("authorization", "Bearer secret"),)
LATE = Undelivered("timed_out", "late", retryable=True)


class AbortedError(Exception):
    pass


class Call:
    def __init__(self, metadata: Any = KEY) -> None:
        self._metadata = metadata
        self.status: Any = None
        self.trailing: dict[str, Any] = {}

    def invocation_metadata(self) -> Any:
        return self._metadata

    async def abort(self, status: Any, text: str, metadata: Any) -> None:
        self.status, self.trailing = status, dict(metadata)
        raise AbortedError(text)


def request(*events: bytes, topic: str = ORDERS, sequence: int = 0, key: str = "") -> pb.PublishRequest:
    return pb.PublishRequest(topic=topic, events=events, sequence=sequence, key=key)


async def stream(place: World, *requests: pb.PublishRequest, metadata: Any = KEY) -> list[pb.PublishResponse]:
    async def coming() -> AsyncIterator[pb.PublishRequest]:
        for each in requests:
            yield each

    door = GrpcDoor(place.intake, place.settings)
    return [response async for response in door.publish_stream(coming(), Call(metadata))]


def test_landed_records_are_columns_and_the_others_messages() -> None:
    bad = Rejected([FieldError("/a", "long", "null")], "r1")
    response = response_of([(1, 10), bad, (2, 20), LATE], sequence=5)
    assert response.sequence == 5
    assert list(response.landed_index) == [0, 2]
    assert list(response.landed_partition) == [1, 2]
    assert list(response.landed_offset) == [10, 20]
    assert [(r.index, r.reject_id, r.errors[0].pointer) for r in response.rejected] == [(1, "r1", "/a")]
    assert [(f.index, f.code, f.retryable) for f in response.failed] == [(3, "timed_out", True)]
    assert response.retry_after_ms == 2000


async def test_a_batch_lands() -> None:
    place = world()
    response = await GrpcDoor(place.intake, place.settings).publish(request(EVENT, EVENT), Call())
    assert list(response.landed_offset) == [0, 1]


@pytest.mark.parametrize(
    ("status", "code", "metadata", "sent"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "no_api_key", (), request(EVENT)),
        (grpc.StatusCode.UNAUTHENTICATED, "wrong_api_key", (("x-api-key", "x"),), request(EVENT)),
        (grpc.StatusCode.PERMISSION_DENIED, "topic_not_granted", (("x-api-key", "clicks"),), request(EVENT)),
        (grpc.StatusCode.NOT_FOUND, "unknown_topic", KEY, request(EVENT, topic="shop.order.v1")),
        (grpc.StatusCode.INVALID_ARGUMENT, "empty_batch", KEY, request()),
        (grpc.StatusCode.INVALID_ARGUMENT, "batch_too_large", KEY, request(*[b"{}"] * 6)),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "body_too_large", KEY, request(b" " * 2000)),
    ],
)
async def test_a_refusal_is_the_status_of_the_call(status: Any, code: str, metadata: Any, sent: Any) -> None:
    place, call = world(max_batch_records=5, max_body_bytes=1024), Call(metadata)
    with pytest.raises(AbortedError):
        await GrpcDoor(place.intake, place.settings).publish(sent, call)
    assert call.status is status
    assert pb.RequestRefused.FromString(call.trailing[REFUSED_METADATA]).code == code
    assert place.intake.budget.used == 0


async def test_nothing_acknowledged_in_time_is_unavailable_with_the_time_to_wait() -> None:
    place, call = world(), Call()
    place.kafka.outcome = LATE
    with pytest.raises(AbortedError, match="same event ids"):
        await GrpcDoor(place.intake, place.settings).publish(request(EVENT), call)
    assert call.status is grpc.StatusCode.UNAVAILABLE
    assert call.trailing["retry-after"] == b"2"


async def test_a_stream_answers_each_batch_in_order_and_outlives_refusals() -> None:
    responses = await stream(
        world(),
        request(EVENT, sequence=1),
        request(b"junk", sequence=2),
        request(EVENT, topic="no.such", sequence=3),
        request(EVENT, EVENT, sequence=4),
    )
    assert [r.sequence for r in responses] == [1, 2, 3, 4]
    assert list(responses[0].landed_offset) == [0]
    assert responses[1].rejected[0].errors[0].expected == "JSON"
    assert responses[2].refused.code == "unknown_topic"
    assert responses[2].refused.grpc_status == "NOT_FOUND"
    assert list(responses[3].landed_offset) == [1, 2]


async def test_a_stream_without_a_key_is_refused_batch_by_batch() -> None:
    [response] = await stream(world(), request(EVENT), metadata=())
    assert response.refused.code == "no_api_key"


async def test_a_stream_that_breaks_ends_with_its_error() -> None:
    place = world()

    async def breaking() -> AsyncIterator[pb.PublishRequest]:
        yield request(EVENT, sequence=1)
        raise ConnectionResetError

    responses = GrpcDoor(place.intake, place.settings).publish_stream(breaking(), Call())
    assert (await anext(responses)).sequence == 1
    with pytest.raises(ConnectionResetError):
        await anext(responses)


async def test_a_stream_that_is_cancelled_while_its_window_is_full_leaves_no_task_behind() -> None:
    place = world()
    place.kafka.held = True
    others = asyncio.all_tasks()

    async def endless() -> AsyncIterator[pb.PublishRequest]:
        while True:
            yield request(EVENT)

    async def call() -> None:
        async for _ in GrpcDoor(place.intake, place.settings).publish_stream(endless(), Call()):
            raise AssertionError("Kafka has not answered")

    calling = asyncio.create_task(call())
    await until(lambda: len(place.kafka.futures) >= WINDOW)
    calling.cancel()
    await asyncio.wait([calling])
    assert asyncio.all_tasks() == others
    assert len(place.kafka.futures) == WINDOW


async def test_a_stream_whose_window_is_full_reads_no_further_message() -> None:
    place, read = world(), 0
    place.kafka.held = True

    async def endless() -> AsyncIterator[pb.PublishRequest]:
        nonlocal read
        while True:
            read += 1
            yield request(EVENT)

    responses = GrpcDoor(place.intake, place.settings).publish_stream(endless(), Call())
    first = asyncio.ensure_future(anext(responses))
    await until(lambda: len(place.kafka.futures) >= WINDOW)
    await asyncio.sleep(0)  # the reader's turn, in which it would take one more
    assert read == WINDOW
    place.kafka.futures[0].set_result([(0, 0)])
    await first
    second = asyncio.ensure_future(anext(responses))  # the first one's room is free once it was taken away
    await until(lambda: read == WINDOW + 1)
    second.cancel()
    await asyncio.wait([second])


async def test_more_calls_at_once_than_allowed_are_refused_whoever_makes_them() -> None:
    place = world(max_grpc_calls=1)
    server, port = server_of(GrpcDoor(place.intake, place.settings), place.settings)
    await server.start()
    path = "/kapstan.ingest.v1.Ingest/Publish"
    try:
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as one,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as other,
        ):
            stream = one.stream_stream(path + "Stream", pb.PublishRequest.SerializeToString)(metadata=KEY)
            await stream.write(request(EVENT))
            assert pb.PublishResponse.FromString(await stream.read()).landed_offset
            publish = other.unary_unary(path, pb.PublishRequest.SerializeToString)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await publish(request(EVENT), metadata=KEY)
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "Concurrent RPC limit" in (refused.value.details() or "")
            stream.cancel()
    finally:
        await server.stop(None)


async def test_a_call_that_is_cancelled_holds_its_room_until_kafka_has_answered() -> None:
    place = world()
    place.kafka.held = True
    calling = asyncio.create_task(GrpcDoor(place.intake, place.settings).publish(request(EVENT), Call()))
    await until(lambda: bool(place.kafka.futures))
    calling.cancel()
    await asyncio.wait([calling])
    assert place.intake.budget.used > 0
    place.kafka.futures[0].set_result([(0, 0)])
    await asyncio.sleep(0)
    assert place.intake.budget.used == 0


async def test_events_are_joined_only_to_keep_them(monkeypatch: pytest.MonkeyPatch) -> None:
    place, bodies = world(), []
    begin = place.intake.begin

    async def seen(ticket: Any, body: Any, *more: Any) -> Any:
        bodies.append(body)
        return await begin(ticket, body, *more)

    monkeypatch.setattr(place.intake, "begin", seen)
    await GrpcDoor(place.intake, place.settings).publish(request(EVENT, b"{}"), Call())
    assert bodies[0]() == EVENT + b"\n{}"


async def test_a_key_that_differs_is_a_pointed_error() -> None:
    place = world()
    response = await GrpcDoor(place.intake, place.settings).publish(request(EVENT, key="b2"), Call())
    assert response.rejected[0].errors[0].pointer == "/buyer"
