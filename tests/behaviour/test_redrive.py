"""Records that come back from the dead letters: once, to who refused them, whatever is killed."""

from contextlib import closing

import orjson
import pytest

from streamkit.crashpoints import REDRIVE_POINTS
from streamkit.headers import REDRIVE, SOURCE, Source, find, format_source
from streamkit.loop.mark import Mark
from streamkit.redrive import parse_redrive, retry_of
from streamkit.redriver import AnotherRunError, Redriver, Returning
from streamkit.redrives import REDRIVES
from streamkit.testing.clock import ManualClock
from tests.support.workers import (
    KEPT,
    Crashed,
    counting,
    make_topics,
    read_all,
    session_ended,
    turn_until,
    vanish,
    worker,
)

INGEST_MS = 1_700_000_000_000
TRANSACTION_POINTS = (
    "transaction.after_begin",
    "transaction.after_outputs",
    "transaction.after_changelog",
    "transaction.after_offsets",
    "transaction.after_commit",
    "transaction.after_store",
)


def encode(letter):
    """A letter as JSON, which `letters` reads; what is bytes is latin-1."""
    headers = [(name, value.decode("latin-1")) for name, value in letter.source_headers]
    place = (letter.source_topic, letter.source_topic_id, letter.source_partition, letter.source_offset)
    key = None if letter.source_key is None else letter.source_key.decode()
    said = {"id": letter.dead_letter_id, "service": letter.service, "place": place, "key": key}
    return orjson.dumps({**said, "headers": headers, "ms": letter.event_time, "reason": letter.reason})


@pytest.fixture
def stage(broker, topic, tmp_path):
    made = Stage(broker, topic, tmp_path)
    yield made
    made.close()


class Stage:
    """A transform that counts per key over two partitions, and what the operator does beside it."""

    def __init__(self, broker, topic, folder):
        self.broker, self.topic, self.folder = broker, topic, folder
        make_topics(broker, topic, 2)
        broker.admin().create_topic(REDRIVES, 1, KEPT)
        self.retries = retry_of("", topic, topic)
        self.worker = self.start()

    def start(self, folder="disk", slot="0"):
        spec = counting(self.topic, self.topic, encode_dead_letter=encode)
        # Its own time moves on with each turn: the retry topics are looked at every two seconds of it.
        self.clock = ManualClock()
        return worker(spec, self.broker, self.folder / folder, slot, clock=self.clock)

    def turn_until(self, done):
        def later():
            self.clock.sleep(0.5)
            return done()

        turn_until([self.worker], later)

    def send(self, *records):
        producer = self.broker.producer()
        for key, value in records:
            producer.send(self.topic, key, value, (("tenant", b"acme"),), INGEST_MS)
        producer.flush(10)

    def counts(self):
        return read_all(self.broker, f"{self.topic}-counts")

    def values(self):
        return sorted(record.value for record in self.counts())

    def letters(self):
        return [orjson.loads(record.value) for record in read_all(self.broker, f"{self.topic}-dead")]

    def redriver(self):
        made = Redriver(self.broker, ManualClock(INGEST_MS), orjson.dumps, orjson.loads)
        made.open()
        return made

    def redrive(self, letter, value, **changes):
        with closing(self.redriver()) as redriver:
            return redriver.redrive(returning(letter, value, **changes))

    def close(self):
        self.worker.close()


def returning(letter, value, *, key=None):
    original = letter["key"].encode()
    return Returning(
        letter["id"],
        letter["service"],
        Source(*letter["place"]),
        key not in (None, original),
        key or original,
        value,
        tuple((name, text.encode("latin-1")) for name, text in letter["headers"]),
        letter["ms"],
        "acme",
        None,
    )


def send_all(redriver, letters):
    redriver.open()
    for letter in letters:
        redriver.redrive(returning(letter, b"good"))


def refused(stage):
    """Send three records, the second of which is refused; return its letter."""
    stage.send((b"k", b"a"), (b"k", b"bad"), (b"k", b"b"))
    stage.turn_until(lambda: len(stage.counts()) == 2 and stage.letters())
    (letter,) = stage.letters()
    return letter


def test_a_repaired_record_goes_back_once_with_its_identity_behind_what_is_there(stage):
    letter = refused(stage)
    assert stage.redrive(letter, b"good")
    assert not stage.redrive(letter, b"other")
    stage.turn_until(lambda: len(stage.counts()) == 3)
    stage.send((b"k", b"c"))
    stage.turn_until(lambda: len(stage.counts()) == 4)
    assert stage.values() == [b"a=1", b"b=2", b"c=4", b"good=3"]
    (found,) = (record for record in stage.counts() if record.value == b"good=3")
    assert find(found.headers, SOURCE) == format_source(Source(*letter["place"]))
    assert (find(found.headers, "tenant"), found.timestamp_ms) == (b"acme", INGEST_MS)
    assert find(found.headers, REDRIVE) is None
    assert len(read_all(stage.broker, stage.topic)) == 4  # nothing was added where others read


def test_a_marker_says_what_went_back_and_stands_with_the_record(stage):
    letter = refused(stage)
    stage.redrive(letter, b"good")
    with closing(stage.redriver()) as redriver:
        marker = redriver.markers[letter["id"]]
    assert (marker.state, marker.service, marker.tenant) == ("SENT", stage.topic, "acme")
    assert marker.source.encode() == format_source(Source(*letter["place"]))
    (record,) = read_all(stage.broker, stage.retries)
    assert record.partition == letter["place"][2]
    redrive = parse_redrive(find(record.headers, REDRIVE))
    assert redrive == (1, INGEST_MS, Source(*letter["place"]), letter["id"])


@pytest.mark.parametrize("point", REDRIVE_POINTS)
def test_a_redrive_that_is_killed_and_run_again_sends_each_once(point, arm, stage):
    stage.send(*((b"k%d" % n, b"bad") for n in range(3)))
    stage.turn_until(lambda: len(stage.letters()) == 3)
    letters = stage.letters()
    arm(point)
    first = Redriver(stage.broker, ManualClock(INGEST_MS), orjson.dumps, orjson.loads)
    with pytest.raises(Crashed):
        send_all(first, letters)
    arm(None)
    sent = [stage.redrive(letter, b"good") for letter in letters]
    assert sent.count(False) == (point == "redrive.after_commit")
    stage.turn_until(lambda: len(stage.counts()) >= 3)
    stage.send((b"end", b"end"))
    stage.turn_until(lambda: b"end=1" in stage.values())
    assert stage.values() == [b"end=1", *[b"good=1"] * 3]
    first.close()


def test_of_two_runs_at_once_the_first_does_nothing_more(stage):
    letter = refused(stage)
    with closing(stage.redriver()) as first, closing(stage.redriver()) as second:
        with pytest.raises(AnotherRunError, match="another redrive has begun"):
            first.redrive(returning(letter, b"first"))
        assert second.redrive(returning(letter, b"second"))
    stage.turn_until(lambda: len(stage.counts()) == 3)
    assert stage.values() == [b"a=1", b"b=2", b"second=3"]


@pytest.mark.parametrize("point", TRANSACTION_POINTS)
def test_a_worker_that_dies_over_it_takes_it_in_once(point, arm, stage):
    stage.redrive(refused(stage), b"good")
    arm(point)
    with pytest.raises(Crashed):
        stage.turn_until(lambda: False)
    arm(None)
    vanish(stage.worker)
    stage.worker = stage.start()
    stage.turn_until(lambda: len(stage.counts()) >= 3)
    stage.send((b"k", b"c"))
    stage.turn_until(lambda: len(stage.counts()) >= 4)
    assert stage.values() == [b"a=1", b"b=2", b"c=4", b"good=3"]


def test_a_worker_that_takes_over_on_another_disk_knows_what_came_back(stage):
    stage.redrive(refused(stage), b"good")
    stage.turn_until(lambda: len(stage.counts()) == 3)
    stage.worker.close()
    session_ended(stage.broker, stage.topic, "0")
    stage.worker = stage.start("other", "1")
    stage.send((b"k", b"c"))
    stage.turn_until(lambda: len(stage.counts()) >= 4)
    for _ in range(10):
        stage.clock.sleep(1)
        stage.worker.turn()
    assert stage.values() == [b"a=1", b"b=2", b"c=4", b"good=3"]


def test_what_is_refused_again_gets_a_letter_that_names_the_first(stage):
    first = refused(stage)
    stage.redrive(first, b"bad")
    stage.turn_until(lambda: len(stage.letters()) == 2)
    second = stage.letters()[1]
    assert (second["id"], second["place"]) == (f"{first['id']}#1", first["place"])
    assert parse_redrive(dict(second["headers"])[REDRIVE].encode()).letter_id == first["id"]
    assert not stage.redrive(first, b"good")
    assert stage.redrive(second, b"bad")
    stage.turn_until(lambda: len(stage.letters()) == 3)
    third = stage.letters()[2]
    assert third["id"] == f"{first['id']}#2"
    assert stage.redrive(third, b"good")
    stage.turn_until(lambda: len(stage.counts()) == 3)
    assert stage.values() == [b"a=1", b"b=2", b"good=3"]


def test_a_record_with_another_key_meets_the_state_of_that_key(stage):
    keys = [b"k%d" % n for n in range(8)]
    stage.send(*((key, b"a") for key in keys), (b"k0", b"bad"))
    stage.turn_until(lambda: len(stage.counts()) == 8 and stage.letters())
    (letter,) = stage.letters()
    placed = {record.key: record.partition for record in read_all(stage.broker, stage.topic)}
    other = next(key for key in keys if placed[key] != placed[b"k0"])
    stage.redrive(letter, b"good", key=other)
    stage.turn_until(lambda: len(stage.counts()) == 9)
    (found,) = (record for record in stage.counts() if record.value.startswith(b"good"))
    assert (found.key, found.value) == (other, b"good=2")


def test_what_somebody_else_wrote_there_is_put_aside(stage):
    refused(stage)
    producer = stage.broker.producer()
    producer.send(stage.retries, b"k", b"stray", partition=0)
    producer.flush(10)
    stage.turn_until(lambda: len(stage.letters()) == 2)
    stray = stage.letters()[1]
    assert (stray["reason"], stray["place"][0]) == ("bad_header", stage.retries)
    assert stage.values() == [b"a=1", b"b=2"]


def test_a_mark_without_retries_is_as_older_programs_read_it():
    plain = Mark("id", 3)
    assert b'"form":1' in plain.encode()
    assert b"retry" not in plain.encode()
    moved = Mark("id", 3, retry_id="r", retry_next=2)
    assert b'"form":2' in moved.encode()
    assert Mark.decode(moved.encode()) == moved
