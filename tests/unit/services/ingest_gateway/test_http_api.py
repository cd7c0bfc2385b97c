import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.ingest_gateway.follow import Routes
from services.ingest_gateway.http_api import HttpDoor
from services.ingest_gateway.pages import pages
from streamkit import headers
from streamkit.kafka.async_producer import Undelivered
from tests.unit.services.ingest_gateway.world import GOOD, ORDERS, World, world

PATH = f"/v1/topics/{ORDERS}/events"
KEY = {"authorization": "Bearer secret", "content-type": "application/json"}


def client(place: World) -> httpx.AsyncClient:
    site = pages(lambda: place.routes.table, {"kafka": place.availability.problem}, {}, lambda: None)
    door = HttpDoor(place.intake, place.settings, site)
    return httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://gateway")


async def post(place: World, body: Any, path: str = PATH, **sent: Any) -> httpx.Response:
    content = body if isinstance(body, bytes | AsyncIterator) else json.dumps(body).encode()
    async with client(place) as http:
        return await http.post(path, content=content, headers={**KEY, **sent})


async def test_an_event_lands() -> None:
    place = world()
    response = await post(place, GOOD)
    assert (response.status_code, response.json()) == (
        200,
        {"results": [{"index": 0, "partition": 0, "offset": 0}]},
    )
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "sent", [{"authorization": "bearer secret"}, {"authorization": "", "x-api-key": "secret"}]
)
async def test_the_key_may_be_sent_in_two_ways(sent: dict[str, str]) -> None:
    assert (await post(world(), GOOD, **sent)).status_code == 200


@pytest.mark.parametrize(
    ("status", "code", "path", "sent", "body"),
    [
        (401, "no_api_key", PATH, {"authorization": ""}, GOOD),
        (401, "no_api_key", PATH, {"authorization": "Basic secret"}, GOOD),
        (401, "wrong_api_key", PATH, {"authorization": "Bearer x"}, GOOD),
        (403, "topic_not_granted", PATH, {"authorization": "Bearer clicks"}, GOOD),
        (404, "unknown_topic", "/v1/topics/shop.order.v1/events", {}, GOOD),
        (400, "malformed_json", PATH, {}, b"{"),
        (400, "empty_batch", PATH, {}, []),
        (413, "batch_too_large", PATH, {}, [GOOD] * 6),
        (413, "body_too_large", PATH, {}, b"[" + b" " * 2000 + b"]"),
        (415, "unsupported_media_type", PATH, {"content-type": "text/csv"}, b"a,b"),
        (415, "unsupported_media_type", PATH, {"content-encoding": "gzip"}, b"\x1f\x8b"),
    ],
)
async def test_a_refusal_has_a_status_and_a_code(
    status: int, code: str, path: str, sent: dict[str, str], body: Any
) -> None:
    place = world(max_batch_records=5, max_body_bytes=1024)
    response = await post(place, body, path, **sent)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert not place.kafka.records(ORDERS)
    assert place.intake.budget.used == 0


async def test_a_body_whose_length_is_not_announced_is_limited_too() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 100

    place = world(max_body_bytes=1024)
    response = await post(place, chunks())
    assert response.status_code == 413
    assert response.headers["connection"] == "close"
    assert response.json()["reject_id"]
    assert place.intake.budget.used == 0


async def test_a_body_that_comes_in_pieces_is_put_together() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for byte in json.dumps([GOOD, GOOD]).encode():
            yield bytes([byte])

    assert (await post(world(), chunks())).json()["results"][1]["offset"] == 1


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.sleep(60)

    place = world(body_timeout_s=0.1)
    response = await post(place, chunks())
    assert (response.status_code, response.json()["code"]) == (408, "body_too_slow")
    assert place.intake.budget.used == 0


async def test_headers_without_a_body_hold_no_room_and_are_not_waited_for() -> None:
    place = world(body_timeout_s=0.1)
    used: list[int] = []

    async def silence() -> AsyncIterator[bytes]:
        used.append(place.intake.budget.used)
        await asyncio.sleep(60)
        yield b""

    response = await post(place, silence(), **{"content-length": "5242880"})
    assert (response.status_code, response.json()["code"]) == (408, "body_too_slow")
    assert (used, place.intake.budget.used) == ([0], 0)


async def test_room_is_taken_as_bytes_arrive() -> None:
    place = world()
    used: list[int] = []

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 100
            used.append(place.intake.budget.used)
        yield json.dumps(GOOD).encode()

    assert (await post(place, chunks())).status_code == 200
    assert used == [100, 200, 300]


async def test_a_body_that_has_no_room_is_refused_before_it_is_read() -> None:
    place = world(max_inflight_bytes=1024 * 1024, max_body_bytes=1024 * 1024)
    place.intake.budget.take(1024 * 1024 - 10)

    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    response = await post(place, never(), **{"content-length": "11"})
    assert (response.status_code, response.json()["code"]) == (503, "overloaded")


async def test_a_client_that_goes_away_leaves_nothing_behind() -> None:
    place = world()
    sent: list[Any] = []
    messages = iter([{"type": "http.request", "body": b"[", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "headers": [(b"x-api-key", b"secret")]}
    await HttpDoor(place.intake, place.settings, lambda *_: asyncio.sleep(0))(scope, receive, send)
    assert not sent
    assert place.intake.budget.used == 0


async def test_a_full_gateway_refuses_at_once_and_says_when_to_come_back() -> None:
    place = world(max_inflight_bytes=1024 * 1024, max_body_bytes=1024 * 1024)
    place.intake.budget.take(1024 * 1024 - 10)
    response = await post(place, GOOD)
    assert (response.status_code, response.json()["code"]) == (503, "overloaded")
    assert response.headers["retry-after"] == "1"


async def test_a_frozen_kafka_is_503_before_the_body_is_read() -> None:
    place = world()
    place.kafka.stalled_for_s = 60

    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    response = await post(place, never())
    assert (response.status_code, response.json()["code"]) == (503, "kafka_away")
    assert int(response.headers["retry-after"]) >= 1


async def test_nothing_acknowledged_in_time_is_503_with_the_fate_of_each() -> None:
    place = world()
    place.kafka.outcome = Undelivered("timed_out", "late", retryable=True)
    response = await post(place, [GOOD, {}])
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert [r.get("retryable") for r in response.json()["results"]] == [True, None]


async def test_mixed_and_wholly_bad_batches() -> None:
    assert (await post(world(), [GOOD, {}])).status_code == 207
    assert (await post(world(), [{}, {}])).status_code == 422


async def test_the_key_and_the_trace_of_a_request_reach_its_records() -> None:
    place = world()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    response = await post(
        place, [GOOD, {**GOOD, "buyer": "b2"}], **{"kapstan-key": "b1", "traceparent": trace}
    )
    assert response.json()["results"][1]["errors"][0]["expected"] == '"b1", the key sent with the record'
    [(_, _, sent)] = place.kafka.records(ORDERS)
    assert trace[3:35].encode() in (headers.find(sent, headers.TRACEPARENT) or b"")


async def test_a_bug_is_answered_with_500_and_no_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    place = world()
    monkeypatch.setattr(place.kafka, "send", lambda *_: 1 / 0)
    response = await post(place, GOOD)
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "division" not in response.text
    assert place.intake.budget.used == 0


async def test_before_the_catalogue_is_known_no_topic_is_called_unknown() -> None:
    place = world()
    place.routes.table = Routes("", lambda _: 1).table
    response = await post(place, GOOD)
    assert (response.status_code, response.json()["code"]) == (503, "starting")
    assert response.headers["retry-after"] == "1"
    assert not place.kafka.sent


async def test_other_pages_are_served_too() -> None:
    place = world()
    async with client(place) as http:
        assert (await http.get("/readyz")).status_code == 200
        assert (await http.get(PATH)).status_code == 404
