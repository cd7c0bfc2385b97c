import json
from typing import Any

import pytest

from services.ingest_gateway import answer
from services.ingest_gateway.errors import KAFKA_AWAY, FieldError, RefusedError
from services.ingest_gateway.publish import Rejected
from streamkit.kafka.async_producer import Undelivered

LANDED = (2, 41)
BAD = Rejected([FieldError("/a", "long", "null")], "r1")
LATE = Undelivered("timed_out", "Kafka did not answer in time.", retryable=True)
TOO_BIG = Undelivered("msg_size_too_large", "too large", retryable=False)


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([LANDED, LANDED], 200),
        ([LANDED, BAD], 207),
        ([BAD, LATE, LANDED], 207),
        ([BAD, BAD], 422),
        ([TOO_BIG], 422),
        ([LATE, LATE], 503),
        ([BAD, LATE], 503),
    ],
)
def test_the_status_says_what_became_of_all(results: list[Any], status: int) -> None:
    assert answer.status_of(results) == status
    assert answer.code_of(status)


def test_each_record_has_an_entry() -> None:
    body = json.loads(answer.results_body([LANDED, BAD, LATE]))
    assert body["results"][0] == {"index": 0, "partition": 2, "offset": 41}
    assert body["results"][1] == {
        "index": 1,
        "errors": [{"pointer": "/a", "expected": "long", "got": "null"}],
        "reject_id": "r1",
    }
    assert body["results"][2]["retryable"] is True
    assert body["results"][2]["errors"][0]["got"] == "timed_out: Kafka did not answer in time."


def test_a_reject_that_was_not_kept_has_no_id() -> None:
    assert "reject_id" not in answer.entry(0, Rejected(BAD.errors, None))


def test_only_what_may_land_later_is_worth_a_retry() -> None:
    assert answer.retry_after([LANDED, BAD, TOO_BIG]) is None
    assert answer.retry_after([LANDED, LATE]) == 2


def test_a_refusal_is_problem_details() -> None:
    refused = RefusedError(KAFKA_AWAY, "Kafka is away.", hint="Wait.", errors=tuple(BAD.errors))
    refused.reject_id = "r2"
    assert json.loads(answer.problem_body(refused)) == {
        "title": "kafka away",
        "status": 503,
        "detail": "Kafka is away.",
        "code": "kafka_away",
        "hint": "Wait.",
        "errors": [{"pointer": "/a", "expected": "long", "got": "null"}],
        "reject_id": "r2",
    }
