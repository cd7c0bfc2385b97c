"""The four ways into the gateway behind one face, so that one table of outcomes can be asked of each."""

import json
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx

from schemas.proto import ingest_pb2 as pb
from schemas.proto import ingest_pb2_grpc as rpc

TIMEOUT_S = 15


@dataclass
class Answer:
    """What was told of a request: `results` or the code of its refusal, and each record's outcome."""

    code: str
    landed: dict[int, tuple[int, int]] = field(default_factory=dict)
    faults: dict[int, list[str]] = field(default_factory=dict)
    rejects: dict[int, str] = field(default_factory=dict)
    retryable: set[int] = field(default_factory=set)
    retry_after_s: int | None = None


class Http:
    """POST with a JSON array."""

    def __init__(self, stack):
        self._http = httpx.Client(base_url=stack.url("ingest_gateway.http"), timeout=TIMEOUT_S)

    def send(self, topic: str, events: list[bytes], api_key: str, key: str = "") -> Answer:
        headers = {"Content-Type": self.media_type}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        if key:
            headers["Kapstan-Key"] = key
        response = self._http.post(f"/v1/topics/{topic}/events", content=self.body(events), headers=headers)
        after = response.headers.get("retry-after")
        retry_after_s = None if after is None else int(after)
        content = response.json()
        if "results" not in content:
            assert content["status"] == response.status_code
            return Answer(content["code"], retry_after_s=retry_after_s)
        answer = Answer("results", retry_after_s=retry_after_s)
        for result in content["results"]:
            _take(answer, result)
        assert response.status_code == _expected_status(answer)
        return answer

    media_type = "application/json"

    def body(self, events: list[bytes]) -> bytes:
        return b"[" + b",".join(events) + b"]"

    def close(self):
        self._http.close()


class Lines(Http):
    """POST with a record a line."""

    media_type = "application/x-ndjson"

    def body(self, events: list[bytes]) -> bytes:
        return b"\n".join(events)


class Unary:
    """Publish over gRPC."""

    def __init__(self, stack):
        address = f"127.0.0.1:{stack.port('ingest_gateway.grpc')}"
        self._channel = grpc.insecure_channel(address, [("grpc.max_send_message_length", -1)])
        self.stub = rpc.IngestStub(self._channel)

    def send(self, topic: str, events: list[bytes], api_key: str, key: str = "") -> Answer:
        request = pb.PublishRequest(topic=topic, events=events, key=key)
        try:
            return _of_response(self.stub.Publish(request, metadata=_metadata(api_key), timeout=TIMEOUT_S))
        except grpc.RpcError as error:
            status, trailing = error.code().name, dict(error.trailing_metadata())
        refused = pb.RequestRefused.FromString(trailing["kapstan-refused-bin"])
        assert refused.grpc_status == status
        return Answer(refused.code, retry_after_s=refused.retry_after_ms // 1000 or None)

    def close(self):
        self._channel.close()


class Stream(Unary):
    """PublishStream over gRPC, one batch on it."""

    def send(self, topic: str, events: list[bytes], api_key: str, key: str = "") -> Answer:
        request = pb.PublishRequest(topic=topic, events=events, key=key, sequence=7)
        call = self.stub.PublishStream(iter([request]), metadata=_metadata(api_key), timeout=TIMEOUT_S)
        [response] = list(call)
        assert response.sequence == 7
        if response.HasField("refused"):
            after_ms = response.refused.retry_after_ms
            return Answer(response.refused.code, retry_after_s=after_ms // 1000 or None)
        return _of_response(response)


def event(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def _metadata(api_key: str):
    return (("authorization", f"Bearer {api_key}"),)


def _take(answer: Answer, result: dict[str, Any]) -> None:
    index = result["index"]
    if "offset" in result:
        answer.landed[index] = (result["partition"], result["offset"])
        return
    if "retryable" in result:
        answer.retryable |= {index} if result["retryable"] else set()
        return
    assert all(error.keys() == {"pointer", "expected", "got"} for error in result["errors"])
    answer.faults[index] = [error["pointer"] for error in result["errors"]]
    if "reject_id" in result:
        answer.rejects[index] = result["reject_id"]


def _of_response(response: pb.PublishResponse) -> Answer:
    places = zip(response.landed_partition, response.landed_offset, strict=True)
    answer = Answer("results", dict(zip(response.landed_index, places, strict=True)))
    answer.retry_after_s = response.retry_after_ms // 1000 or None
    answer.faults = {r.index: [e.pointer for e in r.errors] for r in response.rejected}
    answer.rejects = {r.index: r.reject_id for r in response.rejected}
    answer.retryable = {f.index for f in response.failed if f.retryable}
    return answer


def _expected_status(answer: Answer) -> int:
    if not answer.faults and not answer.retryable:
        return 200
    if answer.landed:
        return 207
    return 503 if answer.retryable else 422
