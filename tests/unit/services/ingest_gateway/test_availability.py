import asyncio
from typing import Any

import pytest

from services.ingest_gateway.availability import RETRY_AFTER_S, Availability
from services.ingest_gateway.errors import KAFKA_AWAY, RefusedError
from streamkit.kafka.async_producer import Undelivered
from tests.unit.services.ingest_gateway.world import FakeKafka, until

LATE = Undelivered("timed_out", "", retryable=True)
NO_LEADER = Undelivered("leader_not_available", "", retryable=True)


def here(kafka: FakeKafka) -> Availability:
    availability = Availability(kafka, "t", stall_s=2.0)
    availability.note([(0, 1)])
    return availability


def test_a_gateway_begins_as_away() -> None:
    availability = Availability(FakeKafka(), "t", 2.0)
    with pytest.raises(RefusedError) as refused:
        availability.demand()
    assert refused.value.kind is KAFKA_AWAY
    assert refused.value.retry_after_s == RETRY_AFTER_S


@pytest.mark.parametrize(
    ("outcomes", "away"),
    [
        ([LATE, LATE], True),
        ([LATE, (0, 1)], False),
        ([(0, 1), LATE], False),
        ([NO_LEADER], False),
        ([], False),
    ],
)
def test_only_silence_for_all_of_a_batch_is_away(outcomes: list[Any], away: bool) -> None:
    availability = here(FakeKafka())
    availability.note(outcomes)
    assert (availability.problem() is not None) is away


def test_an_acknowledgement_brings_it_back() -> None:
    availability = here(FakeKafka())
    availability.note([LATE])
    availability.note([(0, 1)])
    availability.demand()


def test_records_that_wait_in_silence_are_away_before_they_time_out() -> None:
    kafka = FakeKafka()
    availability = here(kafka)
    kafka.stalled_for_s = 1.9
    assert availability.problem() is None
    kafka.stalled_for_s = 2.1
    assert "silent" in str(availability.problem())


async def test_a_probe_decides_while_nothing_is_sent() -> None:
    kafka = FakeKafka(away="no broker")
    availability = here(kafka)
    watching = asyncio.create_task(availability.watch())
    await until(lambda: availability.problem() is not None)
    assert "no broker" in str(availability.problem())
    kafka.away = None
    await until(lambda: availability.problem() is None)
    watching.cancel()
