"""A frozen broker: every request has an answer within its deadline, and the gateway comes back by itself."""

import time

import httpx
import pytest

from local import supervise
from tests.integration.ingest_gateway.doors import event
from tests.support.frozen import frozen
from tests.support.waiting import until

DEADLINE_S = 5.0
BACK_WITHIN_S = 10.0


def ready(stack):
    response = httpx.get(f"{stack.url('ingest_gateway.http')}/readyz", timeout=5)
    return response.status_code, response.json()


def timed(door, shop, number):
    started = time.monotonic()
    answer = door.send(shop.topic, [event(**shop.event(number))], shop.key)
    return answer, time.monotonic() - started


@pytest.mark.parametrize("name", ["http", "unary", "stream"])
def test_a_frozen_broker_is_answered_in_time_and_left_behind(shop, name):
    door = shop.doors[name]
    until(lambda: bool(timed(door, shop, 0)[0].landed), BACK_WITHIN_S)
    with frozen(shop.stack, "kafka"):
        first, waited = timed(door, shop, 1)
        assert not first.landed
        assert first.retryable or first.code == "kafka_away"
        assert first.retry_after_s
        assert waited < DEADLINE_S + 0.5
        second, waited = timed(door, shop, 2)
        assert second.code == "kafka_away"
        assert second.retry_after_s
        assert waited < 0.5
        status, body = ready(shop.stack)
        assert (status, body["status"]) == (503, "failing")
        assert body["checks"]["kafka"] != "ok"
        assert body["checks"]["registry"] == "ok"
    until(lambda: bool(timed(door, shop, 3)[0].landed), BACK_WITHIN_S)
    until(lambda: ready(shop.stack)[0] == 200, BACK_WITHIN_S)


def test_a_killed_broker_is_answered_in_time_and_nothing_acknowledged_is_lost(shop):
    door = shop.doors["http"]
    until(lambda: bool(timed(door, shop, 0)[0].landed), BACK_WITHIN_S)
    marker, acknowledged = time.time_ns(), []

    def send(number):
        started = time.monotonic()
        sent = shop.event(number, id=f"{marker}-{number}")
        answer = door.send(shop.topic, [event(**sent)], shop.key)
        assert time.monotonic() - started < DEADLINE_S + 0.5
        if answer.landed:
            acknowledged.append(sent["id"])
        return bool(answer.landed)

    for number in range(50):
        send(number)
    supervise.kill(shop.stack, "kafka")
    deadline = time.monotonic() + 60
    number = 50
    while not send(number):
        number += 1
        assert time.monotonic() < deadline, "the gateway does not find Kafka again"
    ids = {value["id"] for _, value in shop.records()}
    assert len(acknowledged) >= 51
    assert set(acknowledged) <= ids
