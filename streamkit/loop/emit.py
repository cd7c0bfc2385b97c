"""Emit: what a step yields becomes records in topics, with the headers that the loop answers for."""

from collections.abc import Iterable, Mapping

import orjson

from streamkit.broker import Producer
from streamkit.deadletters import EncodeDeadLetter, dead_letter_of
from streamkit.headers import HEARTBEAT, HOPS, SIDE, Source, carried, format_source
from streamkit.headers import SOURCE as SOURCE_HEADER
from streamkit.heartbeat import BuildHeartbeat
from streamkit.outputs import unknown_output
from streamkit.records import Output, Record, Rejected
from streamkit.side import SideView


class Emitter:
    """Writes the outputs of one transaction after the other."""

    def __init__(
        self, producer: Producer, service: str, dead_letters: str, encode_dead_letter: EncodeDeadLetter
    ) -> None:
        self._send = producer.send
        self._service = service
        self._dead_letters = dead_letters
        self._encode_dead_letter = encode_dead_letter
        self._topics: Mapping[str, str] = {}
        self._hop = b""
        self._side: tuple[str, bytes] = (SIDE, b"{}")
        self._vector: dict[str, int] | None = None
        self.written = 0

    def route(self, topics: Mapping[str, str]) -> None:
        """Write named outputs to these topics from now on."""
        self._topics = topics

    def begin(self, now_ms: int) -> None:
        """Begin a transaction; `now_ms` becomes the hop time of all its outputs."""
        self._hop = b"%s=%d" % (self._service.encode(), now_ms)
        self.written = 0

    def see(self, side: SideView) -> None:
        """Write the side view's present vector to outputs from now on."""
        vector = side.vector
        if vector is not self._vector:
            self._vector = vector
            self._side = (SIDE, orjson.dumps(vector))

    def outputs(self, produced: Iterable[Output | Rejected]) -> list[Rejected]:
        """Write outputs as they come; return what was rejected. Raises StopError for an unknown output."""
        rejected: list[Rejected] = []
        send, topics, hop, side = self._send, self._topics, self._hop, self._side
        for output in produced:
            if isinstance(output, Rejected):
                rejected.append(output)
                continue
            topic = topics.get(output.name)
            if topic is None:
                raise unknown_output(output.name, topics)
            headers = [h for h in output.headers if h[0] != HOPS]
            hops = hop if len(headers) == len(output.headers) else _hops(output) + b"," + hop
            headers += ((HOPS, hops), side)
            send(topic, output.key, output.value, headers, output.timestamp_ms, output.partition)
            self.written += 1
        return rejected

    def dead_letter(self, rejected: Rejected, topic_id: str) -> None:
        """Write a dead letter, under the key of its source so that one record's letters lie together."""
        record = rejected.record
        letter = dead_letter_of(rejected, self._service, topic_id)
        source = format_source(Source(record.topic, topic_id, record.partition, record.offset))
        headers = [h for h in carried(record) if h[0] not in (HOPS, SOURCE_HEADER)]
        headers += ((SOURCE_HEADER, _source(record, source)), (HOPS, self._hop), self._side)
        self._send(self._dead_letters, source, self._encode_dead_letter(letter), headers, record.timestamp_ms)

    def heartbeat(
        self, topic: str, partition: int, build: BuildHeartbeat, event_time: int, now_ms: int
    ) -> None:
        """Write a heartbeat: a record of the topic's schema, without a key, marked by its first header."""
        headers = [(HEARTBEAT, b"%d" % event_time), (HOPS, self._hop)]
        self._send(topic, None, build(event_time), headers, now_ms, partition)


def _hops(output: Output) -> bytes:
    return next(value for name, value in output.headers if name == HOPS)


def _source(record: Record, default: bytes) -> bytes:
    return record.header(SOURCE_HEADER) or default
