import asyncio
import io
from typing import Any

import fastavro
import pytest

from services.ingest_gateway.authorize import Grant
from services.ingest_gateway.errors import KAFKA_AWAY, FieldError, RefusedError
from services.ingest_gateway.metrics import GatewayMetrics
from services.ingest_gateway.prepare import Context
from services.ingest_gateway.publish import SLICE, Origin, Publisher, Rejected
from services.ingest_gateway.split import records_of_messages
from streamkit import headers
from streamkit.kafka.async_producer import Undelivered
from tests.unit.services.ingest_gateway.world import (
    GOOD,
    NOW,
    ORDERS,
    FixedClock,
    World,
    orders,
    rejects_topic,
    world,
)

REJECTS = "platform.gateway-rejects.v1"
LATE = Undelivered("timed_out", "Kafka did not answer in time.", retryable=True)


def event(**changes: Any) -> bytes:
    import json

    return json.dumps({**GOOD, **changes}).encode()


def publisher(place: World) -> Publisher:
    return Publisher(
        place.kafka, place.availability, place.settings, FixedClock(), lambda: place.routes.reject_store
    )


def context(place: World) -> Context:
    return publisher(place).context(Origin(Grant("all", "default", ("*",))))


async def publish(place: World, *events: bytes) -> list[Any]:
    route = place.routes.table.routes[ORDERS]
    pending = await publisher(place).begin(route, records_of_messages(events, 100_000), context(place))
    return await pending.results()


def kept(place: World) -> list[Any]:
    schema = rejects_topic().schema.physical
    return [
        fastavro.schemaless_reader(io.BytesIO(m[1][5:]), schema, None) for m in place.kafka.records(REJECTS)
    ]


async def test_records_land_at_their_ingest_time() -> None:
    place = world()
    assert await publish(place, event(), event(order_id="o2")) == [(0, 0), (0, 1)]
    assert [(topic, time) for topic, _, time in place.kafka.sent] == [(ORDERS, NOW)]


async def test_good_records_land_and_bad_ones_are_kept_as_they_were_sent() -> None:
    place = world()
    bad = b'{"order_id" :  "x"}'
    results = await publish(place, event(), bad, b"no json", event(order_id="o2"))
    assert results[0] == (0, 0)
    assert results[3] == (0, 1)
    assert isinstance(results[1], Rejected)
    assert [e.pointer for e in results[1].errors] == ["/buyer", "/amount", "/at"]
    first, second = kept(place)
    assert (first["payload"], second["payload"]) == (bad, b"no json")
    assert (first["topic"], first["reason"], first["tenant"]) == (ORDERS, "invalid_record", "default")
    assert first["reject_id"] == results[1].reject_id
    assert first["errors"][0] == {"pointer": "/buyer", "expected": "string", "got": "nothing"}
    assert first["event_time"] == NOW
    key, _, sent = place.kafka.records(REJECTS)[0]
    assert key == ORDERS.encode()
    assert headers.find(sent, headers.EVENT_ID) == first["reject_id"].encode()


async def test_rejects_are_dropped_when_the_topic_file_says_so() -> None:
    place = world(orders(rejects="drop"), rejects_topic())
    [result] = await publish(place, b"{}")
    assert result.reject_id is None
    assert not place.kafka.sent


async def test_an_answer_does_not_depend_on_the_keeping_of_rejects() -> None:
    place = world(orders())
    [result] = await publish(place, b"{}")
    assert isinstance(result, Rejected)
    assert result.reject_id is None


async def test_a_reject_that_kafka_did_not_take_has_no_id() -> None:
    place = world()
    place.kafka.outcome = LATE
    good, bad = await publish(place, event(), b"{}")
    assert good == LATE
    assert bad.reject_id is None


async def test_nothing_is_queued_while_kafka_is_away() -> None:
    place = world()
    place.availability.note([LATE])
    with pytest.raises(RefusedError) as refused:
        await publish(place, event())
    assert refused.value.kind is KAFKA_AWAY
    assert not place.kafka.sent


async def test_what_became_of_a_batch_decides_whether_kafka_is_here() -> None:
    place = world()
    place.kafka.outcome = LATE
    assert await publish(place, event()) == [LATE]
    assert place.availability.problem() is not None


async def test_a_large_batch_lets_others_in_between_and_keeps_its_order() -> None:
    place = world()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    count = 3 * SLICE + 1
    results = await publish(place, *(event(order_id=f"o{n}") for n in range(count)))
    task.cancel()
    assert turns >= 3
    assert results == [(0, n) for n in range(count)]
    ids = [headers.find(m[2], headers.EVENT_ID) for m in place.kafka.records(ORDERS)]
    assert ids == [f"o{n}".encode() for n in range(count)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_the_room_of_a_request_is_free_once_all_its_records_are_sent(order: tuple[int, int]) -> None:
    place = world()
    place.kafka.held = True
    route = place.routes.table.routes[ORDERS]
    calls = []
    pending = await publisher(place).begin(route, records_of_messages([event(), b"{}"], 10), context(place))
    pending.when_sent(lambda: calls.append(1))
    for which in order:
        await asyncio.sleep(0)
        assert not calls
        place.kafka.futures[which].set_result([(0, 0)])
    await asyncio.sleep(0)
    assert calls == [1]
    pending.when_sent(lambda: calls.append(2))
    assert calls == [1, 2]


async def test_what_became_of_records_is_counted_though_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    place, failed = world(), []
    monkeypatch.setattr(GatewayMetrics.failed_records, "inc", lambda **labels: failed.append(labels["code"]))
    place.kafka.held = True
    pending = await publisher(place).begin(
        place.routes.table.routes[ORDERS], records_of_messages([event()], 10), context(place)
    )
    waiting = asyncio.create_task(pending.results())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not failed
    place.kafka.futures[0].set_result([LATE])
    await asyncio.sleep(0)
    assert failed == ["timed_out"]
    assert place.availability.problem() is not None


async def test_a_reject_with_huge_names_fits_into_a_record() -> None:
    place = world()
    names = {f"{n}{'é' * 20_000}": 0 for n in range(150)}
    await publish(place, event(**names))
    [(_, value, _)] = place.kafka.records(REJECTS)
    assert len(value) < 1_000_000
    assert kept(place)[0]["errors"][0]["pointer"].endswith("…")


async def test_a_body_that_is_no_batch_is_kept_whole_or_cut() -> None:
    place = world()
    fault = FieldError("", "JSON", "junk")
    small = await publisher(place).keep(ORDERS, "malformed_json", [fault], b"junk", context(place))
    await publisher(place).keep("no.such.topic", "unknown_topic", [fault], b"x" * 600_000, context(place))
    first, second = kept(place)
    assert (first["reject_id"], first["payload"]) == (small, b"junk")
    assert len(second["payload"]) == 500_000
    assert second["errors"][-1]["got"] == "600000 bytes, cut"
