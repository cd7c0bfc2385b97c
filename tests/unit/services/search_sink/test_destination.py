from collections import defaultdict

import pytest

from services.search_sink.destination import DeadLetters, SearchDestination
from services.search_sink.errors import SearchAwayError
from streamkit.deadletters import DeadLetter
from streamkit.errors import DeadLetterError, StopError
from streamkit.headers import REDRIVE, Source
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition
from streamkit.redrive import Redrive, format_redrive

DECISIONS, LETTERS = "payments.decisions.v1", "platform.dead-letters.v1"
RETRIES = "search_sink.payments.decisions.v1.retry"
IDS = {DECISIONS: "id-d", LETTERS: "id-l", RETRIES: "id-r"}


class Search:
    templates = 0

    def put_templates(self, prefix):
        self.templates += 1

    def close(self):
        pass


class Indexer:
    """Refuses the offsets in `refuses`, once with an error that passes when `away`."""

    def __init__(self):
        self.indexed, self.refuses, self.away = [], set(), False

    def index(self, documents):
        if self.away:
            self.away = False
            raise SearchAwayError("away")
        self.indexed += [d for d in documents if d.version not in self.refuses]
        return [(d, "mapper_parsing_exception", "no number") for d in documents if d.version in self.refuses]


class Producer:
    def __init__(self):
        self.sent, self.flushed = [], 0

    def send(self, topic, key, value, *, timestamp_ms):
        self.sent.append((topic, key, value, timestamp_ms))

    def flush(self, timeout_s):
        self.flushed = len(self.sent)

    def close(self):
        pass


def decode(value):
    if value == b"bad":
        raise DeadLetterError("cannot be read", reason="undecodable", field_path="/x", schema_id=3)
    return defaultdict(lambda: None)


class World:
    def __init__(self):
        self.search, self.indexer, self.producer = Search(), Indexer(), Producer()
        letters = DeadLetters("search_sink", self.producer, lambda letter: letter, LETTERS)
        self.sink = SearchDestination(
            "search_sink",
            self.search,
            self.indexer,
            dict.fromkeys(IDS, decode),
            lambda _: IDS,
            letters,
            "",
            {RETRIES: DECISIONS},
        )
        self.sink.open([TopicPartition(DECISIONS, 0)])

    def put(self, *records):
        self.sink.write(records)
        self.sink.commit(Positions())

    @property
    def letters(self) -> list[DeadLetter]:
        return [value for _, _, value, _ in self.producer.sent]


@pytest.fixture
def world():
    return World()


def record(offset, value=b"good", topic=DECISIONS):
    return Record(topic, 0, offset, 1_700_000_000_000, b"k", value)


def test_records_are_indexed(world):
    world.put(record(1), record(2))
    assert [document.version for document in world.indexer.indexed] == [1, 2]
    assert world.letters == []


def test_the_group_says_where_to_go_on_and_the_templates_are_there_first(world):
    assert world.sink.open([TopicPartition(DECISIONS, 0)]) == Positions()
    assert world.search.templates == 2


def test_what_cannot_be_decoded_or_indexed_is_a_stored_dead_letter_of_its_own(world):
    world.indexer.refuses = {3}
    world.put(record(1), record(2, b"bad"), record(3), record(4, None))
    assert [(letter.source_offset, letter.reason, letter.field_path) for letter in world.letters] == [
        (2, "undecodable", "/x"),
        (4, "no_value", None),
        (3, "opensearch_mapper_parsing_exception", None),
    ]
    assert world.letters[0].source_value == b"bad"
    assert world.letters[0].source_topic_id == "id-d"
    assert world.producer.flushed == 3
    assert [document.version for document in world.indexer.indexed] == [1]


def test_a_dead_letter_that_cannot_be_indexed_makes_no_other(world):
    world.put(record(1, b"bad", LETTERS))
    assert world.letters == []


def test_nothing_is_dead_lettered_before_the_rest_is_in(world):
    world.indexer.away = True
    with pytest.raises(SearchAwayError):
        world.put(record(1), record(2, b"bad"))
    assert world.letters == []
    world.sink.open([TopicPartition(DECISIONS, 0)])
    world.put(record(1), record(2, b"bad"))
    assert len(world.letters) == 1
    assert len(world.indexer.indexed) == 1


def test_a_stream_of_rubbish_stops_the_service_once_the_positions_of_its_letters_are_committed(world):
    world.put(*[record(offset, b"bad") for offset in range(1_000)])
    assert len(world.letters) == 1_000
    with pytest.raises(StopError, match="went to the dead letters"):
        world.put(record(1_000))
    assert len(world.letters) == 1_000


def redriven(offset, value=b"good", topic_id="id-d"):
    redrive = Redrive(1, 5, Source(DECISIONS, topic_id, 3, offset), "the letter before")
    headers = ((REDRIVE, format_redrive(redrive)),)
    return Record(RETRIES, 0, 99, 1_700_000_000_000, b"k", value, headers)


def test_what_comes_back_is_the_document_of_its_first_place(world):
    world.put(redriven(7))
    (document,) = world.indexer.indexed
    assert (document.id, document.version) == (f"{DECISIONS}@id-d/3/7", 7)
    assert document.source["offset"] == 7
    assert world.letters == []


def test_what_comes_back_and_is_refused_again_gets_another_letter(world):
    world.indexer.refuses = {7}
    world.put(redriven(7), redriven(8, b"bad"), redriven(9, None))
    assert [letter.dead_letter_id for letter in world.letters] == [
        f"search_sink:{DECISIONS}@id-d/3/{offset}#1" for offset in (8, 9, 7)
    ]


def test_what_nobody_redrove_is_put_aside(world):
    world.put(record(1, topic=RETRIES), redriven(7, topic_id="made-again"))
    assert world.indexer.indexed == []
    assert [(each.reason, each.source_topic) for each in world.letters] == [("bad_header", RETRIES)] * 2
