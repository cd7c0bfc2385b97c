import asyncio

import pytest

from schemas.proto import ingest_pb2 as pb
from traffic.grpc_sender import GrpcSender, answers_of
from traffic.ledger import Ack
from traffic.senders import AwayError, Refusal


def test_each_event_of_a_batch_has_its_own_answer():
    response = pb.PublishResponse(
        sequence=1,
        landed_index=[0, 3],
        landed_partition=[2, 1],
        landed_offset=[70, 80],
        rejected=[pb.Rejected(index=1, errors=[pb.FieldError(pointer="/a", expected="long", got="string")])],
        failed=[pb.Failed(index=2, code="timed_out", detail="no acknowledgement", retryable=True)],
        retry_after_ms=1500,
    )
    first, refused, later, last = answers_of(response, 4)
    assert (first, last) == (Ack(2, 70), Ack(1, 80))
    assert refused == Refusal("rejected", "/a: expected long, got string")
    assert isinstance(later, AwayError)
    assert later.retry_after_s == 1.5


def test_an_event_that_the_answer_leaves_out_is_sent_again():
    [answer] = answers_of(pb.PublishResponse(sequence=1), 1)
    assert isinstance(answer, AwayError)


@pytest.mark.parametrize(("retry_after_ms", "kind"), [(2000, AwayError), (0, Refusal)])
def test_a_refused_batch_is_all_of_its_events_answer(retry_after_ms, kind):
    refused = pb.RequestRefused(code="kafka_away", detail="no broker", retry_after_ms=retry_after_ms)
    answers = answers_of(pb.PublishResponse(sequence=1, refused=refused), 3)
    assert len(answers) == 3
    assert all(isinstance(answer, kind) for answer in answers)


class Broken:
    """A stream that answers the first batch and then breaks."""

    def __init__(self):
        self.batches = []

    async def __call__(self, requests, metadata):
        async for request in requests:
            self.batches.append(len(request.events))
            if len(self.batches) == 2:
                raise OSError("connection reset")
            size = len(request.events)
            yield pb.PublishResponse(
                sequence=request.sequence,
                landed_index=range(size),
                landed_partition=[0] * size,
                landed_offset=range(size),
            )


async def test_what_waits_goes_as_one_batch_and_a_broken_stream_fails_what_is_under_way():
    sender = GrpcSender("127.0.0.1:1", "key")
    sender._publish = Broken()
    answers = await asyncio.gather(*(sender.send("a", {"n": n}) for n in range(5)))
    assert [answer.offset for answer in answers] == [0, 1, 2, 3, 4]
    with pytest.raises(AwayError):
        await sender.send("a", {})
    assert sender._publish.batches == [5, 1]
    await sender.close()
