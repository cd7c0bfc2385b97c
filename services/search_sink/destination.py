"""OpenSearch as a Destination. It keeps no positions: ids and versions make every write repeatable."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from services.search_sink.client import Search
from services.search_sink.documents import FAMILIES, Datum, Document, document_of
from services.search_sink.index import Indexer
from services.search_sink.metrics import SearchMetrics
from streamkit.broker import Producer
from streamkit.codecs import DEAD_LETTERS
from streamkit.deadletters import (
    DeadLetterLimit,
    EncodeDeadLetter,
    RejectionWindow,
    TooManyRejectedError,
    dead_letter_of,
)
from streamkit.errors import DeadLetterError
from streamkit.positions import Positions
from streamkit.records import Record, Rejected, TopicPartition
from streamkit.redrive import as_first_read

_FLUSH_S = 20.0
_log = logging.getLogger(__name__)

TopicIds = Callable[[Iterable[str]], Mapping[str, str]]
Decode = Callable[[bytes], Datum]


class SearchDestination:
    """Indexes records; see streamkit.sink.Destination.

    The group's offsets say where to go on. They are committed after the documents are in, so a crash
    between the two writes some again, under the same ids and versions.
    """

    def __init__(
        self,
        service: str,
        search: Search,
        indexer: Indexer,
        decoders: Mapping[str, Decode],
        topic_ids: TopicIds,
        dead_letters: "DeadLetters",
        prefix: str,
        retries: Mapping[str, str],
    ) -> None:
        """Take the parts; `retries` names the input of each retry topic."""
        self._retries = retries
        self._service = service
        self._search = search
        self._indexer = indexer
        self._decoders = decoders
        self._topic_ids = topic_ids
        self._dead_letters = dead_letters
        self._prefix = prefix
        self._ids: Mapping[str, str] = {}
        self._documents: list[Document] = []
        self._rejected: list[Rejected] = []

    def open(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Forget what is not indexed; make sure of the index templates."""
        self._documents, self._rejected = [], []
        topics = {tp.topic for tp in partitions}
        self._ids = self._topic_ids(topics | {self._retries.get(topic, topic) for topic in topics})
        self._search.put_templates(self._prefix)
        return Positions()

    def write(self, batch: Sequence[Record]) -> None:
        """Decode records into documents; one that cannot be decoded becomes a dead letter.

        Raises StopError when too many became one before: here, behind the commit of their positions, because
        a new start would write their letters again.
        """
        self._dead_letters.check()
        for each in batch:
            record = each
            try:
                if record.topic in self._retries:
                    topic = self._retries[record.topic]
                    record = as_first_read(record, topic, self._ids[topic])
                if record.value is None:
                    self._rejected.append(Rejected(record, "no_value", "The record has no value."))
                    continue
                datum = self._decoders[record.topic](record.value)
            except DeadLetterError as error:
                self._rejected.append(
                    Rejected(record, error.reason, error.message, error.field_path, error.schema_id)
                )
            else:
                family = FAMILIES[record.topic]
                document = document_of(record, self._ids[record.topic], family, datum, self._prefix)
                self._documents.append(document)

    def commit(self, positions: Positions) -> None:
        """Index what was written; blocks until every document is in or dead-lettered."""
        del positions  # they need no place here: see the class
        refused = [
            Rejected(document.record, f"opensearch_{kind}", reason)
            for document, kind, reason in self._indexer.index(self._documents)
        ]
        taken = len(self._documents) + len(self._rejected)
        self._dead_letters.send([*self._rejected, *refused], taken, self._ids)
        self._documents, self._rejected = [], []

    def close(self) -> None:
        """Close the client and the producer of dead letters."""
        self._search.close()
        self._dead_letters.close()


class DeadLetters:
    """Writes what cannot be searched to the dead letters, up to a limit."""

    def __init__(self, service: str, producer: Producer, encode: EncodeDeadLetter, topic: str) -> None:
        self._service = service
        self._producer = producer
        self._encode = encode
        self._topic = topic
        self._window = RejectionWindow(DeadLetterLimit())
        self._too_many: TooManyRejectedError | None = None

    def send(self, rejected: Sequence[Rejected], records: int, topic_ids: Mapping[str, str]) -> None:
        """Write a dead letter for each rejected record and wait until they are stored.

        A dead letter that cannot be searched gets none of its own: it would come back for ever.

        Args:
            rejected: what to write.
            records: how many records were taken in all, for the limit.
            topic_ids: of the records' topics.

        Raises:
            RetryableError: Kafka is away.
        """
        kept = [each for each in rejected if each.record.topic != DEAD_LETTERS]
        for each in kept:
            letter = dead_letter_of(each, self._service, topic_ids[each.record.topic])
            key = each.record.topic.encode()
            self._producer.send(self._topic, key, self._encode(letter), timestamp_ms=each.record.timestamp_ms)
            SearchMetrics.refused_records.inc(reason=each.reason)
        for each in rejected:
            if each.record.topic == DEAD_LETTERS:
                _log.error("Dead letter %d cannot be searched: %s", each.record.offset, each.detail)
                SearchMetrics.dropped_records.inc(reason=each.reason)
        if kept:
            self._producer.flush(_FLUSH_S)
        try:
            self._window.add(records, len(kept))
        except TooManyRejectedError as error:
            self._too_many = error

    def check(self) -> None:
        """Raise StopError when too large a part of the last records that were sent was rejected."""
        if self._too_many is not None:
            raise self._too_many

    def close(self) -> None:
        """Release the producer."""
        self._producer.close()
