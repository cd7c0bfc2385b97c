"""Events to the gateway over one bidirectional gRPC stream; what waits when it is ready goes as one batch."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from itertools import count
from typing import Any, NamedTuple

import grpc
import orjson

from schemas.proto import ingest_pb2 as pb
from traffic.ledger import Ack
from traffic.senders import AwayError, Refusal

METHOD = f"/{pb.DESCRIPTOR.services_by_name['Ingest'].full_name}/PublishStream"
MOST_IN_BATCH = 200
ANSWER_WITHIN_S = 15.0


class _Event(NamedTuple):
    topic: str
    body: bytes
    answer: "asyncio.Future[Ack | Refusal]"


class GrpcSender:
    """A client with one stream, opened when it is needed and again after it broke."""

    name = "grpc"

    def __init__(self, address: str, api_key: str) -> None:
        """Take host:port and a key; connects when the first event is sent."""
        self._channel = grpc.aio.insecure_channel(address)
        self._publish = self._channel.stream_stream(
            METHOD, pb.PublishRequest.SerializeToString, pb.PublishResponse.FromString
        )
        self._metadata = (("authorization", f"Bearer {api_key}"),)
        self._waiting: asyncio.Queue[_Event] = asyncio.Queue()
        self._sent: dict[int, list[_Event]] = {}
        self._numbers = count(1)
        self._stream: asyncio.Task[None] | None = None

    async def send(self, topic: str, value: Mapping[str, Any]) -> Ack | Refusal:
        """Send once; raises AwayError when it is worth another try."""
        answer: asyncio.Future[Ack | Refusal] = asyncio.get_running_loop().create_future()
        await self._waiting.put(_Event(topic, orjson.dumps(value), answer))
        if self._stream is None or self._stream.done():
            self._stream = asyncio.create_task(self._run())
        try:
            return await asyncio.wait_for(answer, ANSWER_WITHIN_S)
        except TimeoutError as error:
            raise AwayError(f"no answer within {ANSWER_WITHIN_S:g} s") from error

    async def close(self) -> None:
        """End the stream and close the connection."""
        if self._stream is not None:
            self._stream.cancel()
            await asyncio.wait([self._stream])
        await self._channel.close()

    async def _run(self) -> None:
        """Carry events until the stream breaks; then everything under way is to be sent again."""
        reason = "the stream ended"
        try:
            async for response in self._publish(self._requests(), metadata=self._metadata):
                _settle(self._sent.pop(response.sequence, []), response)
        except grpc.aio.AioRpcError as error:
            reason = f"{error.code().name}: {error.details()}"
        except OSError as error:
            reason = str(error)
        finally:
            under_way = [event for events in self._sent.values() for event in events]
            while not self._waiting.empty():
                under_way.append(self._waiting.get_nowait())
            self._sent.clear()
            for event in under_way:
                if not event.answer.done():
                    event.answer.set_exception(AwayError(reason))

    async def _requests(self) -> AsyncIterator[pb.PublishRequest]:
        while True:
            by_topic: dict[str, list[_Event]] = {}
            event = await self._waiting.get()
            by_topic[event.topic] = [event]
            for _ in range(min(self._waiting.qsize(), MOST_IN_BATCH - 1)):
                event = self._waiting.get_nowait()
                by_topic.setdefault(event.topic, []).append(event)
            for topic, events in by_topic.items():
                number = next(self._numbers)
                self._sent[number] = events
                yield pb.PublishRequest(topic=topic, events=[each.body for each in events], sequence=number)


def answers_of(response: pb.PublishResponse, size: int) -> list[Ack | Refusal | AwayError]:
    """What a response means for each of the `size` events of its request, in order."""
    wish = response.retry_after_ms / 1000 or None
    if response.HasField("refused"):
        refused = response.refused
        text = f"{refused.code}: {refused.detail}"
        wait_s = refused.retry_after_ms / 1000
        return [AwayError(text, wait_s) if wait_s else Refusal(refused.code, refused.detail)] * size
    answers: list[Ack | Refusal | AwayError] = [AwayError("the gateway did not answer this event")] * size
    columns = (response.landed_index, response.landed_partition, response.landed_offset)
    for index, partition, offset in zip(*columns, strict=True):
        answers[index] = Ack(partition, offset)
    for rejected in response.rejected:
        answers[rejected.index] = Refusal("rejected", "; ".join(map(_text, rejected.errors)))
    for failed in response.failed:
        text = f"{failed.code}: {failed.detail}"
        answers[failed.index] = (
            AwayError(text, wish) if failed.retryable else Refusal(failed.code, failed.detail)
        )
    return answers


def _settle(events: list[_Event], response: pb.PublishResponse) -> None:
    for event, answer in zip(events, answers_of(response, len(events)), strict=True):
        if event.answer.done():
            continue  # its sender waited too long and has sent it again
        if isinstance(answer, AwayError):
            event.answer.set_exception(answer)
        else:
            event.answer.set_result(answer)


def _text(error: pb.FieldError) -> str:
    return f"{error.pointer or '/'}: expected {error.expected}, got {error.got}"
