"""Emit: what a step yields becomes records in topics, with the headers that the loop answers for."""

from collections.abc import Iterable, Mapping, Sequence

import orjson

from streamkit.broker import Producer, TooLargeError
from streamkit.deadletters import TOO_LARGE, EncodeDeadLetter, dead_letter_of, short_headers
from streamkit.errors import StopError
from streamkit.headers import HEARTBEAT, HOPS, SIDE, SOURCE, Source, carried, format_source, hop, with_hop
from streamkit.heartbeat import BuildHeartbeat
from streamkit.outputs import unknown_output
from streamkit.records import MAX_RECORD_BYTES, Headers, Output, Record, Rejected
from streamkit.side import SideView


class Emitter:
    """Writes the outputs of one transaction after the other.

    Headers of an output: what the step carried over, the side vector unless it is empty, and, last, the
    hop times.
    """

    def __init__(
        self, producer: Producer, service: str, dead_letters: str, encode_dead_letter: EncodeDeadLetter
    ) -> None:
        self._send = producer.send
        self._service = service
        self._dead_letters = dead_letters
        self._encode_dead_letter = encode_dead_letter
        self._topics: Mapping[str, str] = {}
        self._hop = b""
        self._side: Headers = ()
        self._vector: dict[str, int] | None = None
        self.written = 0

    def route(self, topics: Mapping[str, str]) -> None:
        """Write named outputs to these topics from now on."""
        self._topics = topics

    def begin(self, now_ms: int) -> None:
        """Begin a transaction; `now_ms` becomes the hop time of all its outputs."""
        self._hop = hop(self._service, now_ms)
        self.written = 0

    def see(self, side: SideView) -> None:
        """Write the side view's present vector to outputs from now on."""
        vector = side.vector
        if vector is not self._vector:
            self._vector = vector
            self._side = ((SIDE, orjson.dumps(vector)),) if vector else ()

    def outputs(self, produced: Iterable[Output | Rejected], batch: Sequence[Record]) -> list[Rejected]:
        """Write outputs as they come; return what was rejected, by the step or by Kafka as too large.

        `batch` holds the records they were made from. Raises StopError for an unknown output, and for one
        that is too large and does not carry the SOURCE header of its record.
        """
        rejected: list[Rejected] = []
        send, topics, mine, side = self._send, self._topics, self._hop, self._side
        also = b"," + mine
        for output in produced:
            if isinstance(output, Rejected):
                rejected.append(output)
                continue
            topic = topics.get(output.name)
            if topic is None:
                raise unknown_output(output.name, topics)
            brought = output.headers
            # A hop before this one has put the hop times last, so that nobody need search for them.
            if brought and brought[-1][0] == HOPS:
                headers = [*brought[:-1], *side, (HOPS, brought[-1][1] + also)]
            else:
                headers = [*with_hop(brought + side, mine)]
            try:
                send(topic, output.key, output.value, headers, output.timestamp_ms, output.partition)
            except TooLargeError as error:
                record = _origin(output, batch, error)
                if all(one.record is not record for one in rejected):
                    rejected.append(_too_large(record, output))
            else:
                self.written += 1
        return rejected

    def dead_letter(self, rejected: Rejected, topic_id: str) -> None:
        """Write a dead letter, under the key of its source so that one record's letters lie together."""
        record = rejected.record
        letter = dead_letter_of(rejected, self._service, topic_id)
        place = format_source(Source(record.topic, topic_id, record.partition, record.offset))
        source = (SOURCE, record.header(SOURCE) or place)
        headers = (*short_headers((source, *(h for h in carried(record) if h[0] != SOURCE))), *self._side)
        value = self._encode_dead_letter(letter)
        self._send(self._dead_letters, place, value, with_hop(headers, self._hop), record.timestamp_ms)

    def heartbeat(
        self, topic: str, partition: int, build: BuildHeartbeat, event_time: int, now_ms: int
    ) -> None:
        """Write a heartbeat: a record of the topic's schema, without a key, marked by its first header."""
        headers = ((HEARTBEAT, b"%d" % event_time), (HOPS, self._hop))
        self._send(topic, None, build(event_time), headers, now_ms, partition)


def _origin(output: Output, batch: Sequence[Record], error: TooLargeError) -> Record:
    source = dict(output.headers).get(SOURCE)
    for record in batch:
        if source is not None and record.header(SOURCE) == source:
            return record
    raise StopError(
        f"output {output.name!r} is too large and has no {SOURCE} header to say which record to put aside",
        hint="Give each output the headers that `streamkit.headers.carried` returns",
    ) from error


def _too_large(record: Record, output: Output) -> Rejected:
    detail = (
        f"Output {output.name!r} would have more than {MAX_RECORD_BYTES:,} bytes with its key and headers, "
        "the most that is written as one record."
    )
    return Rejected(record, TOO_LARGE, detail)
