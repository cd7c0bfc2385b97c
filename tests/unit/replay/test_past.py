"""Bronze read back as the past of a topic: a reader of both sees what a reader of Kafka alone had seen."""

import random

import pytest

from replay.past import BronzePast
from services.lake_sink.commit import Committer
from services.lake_sink.destination import LakeDestination
from services.lake_sink.tables import Tables
from services.lake_sink.upkeep import Upkeep
from streamkit.avro import Schema
from streamkit.errors import StopError
from streamkit.loop.bounds import present_ends
from streamkit.records import TopicPartition
from streamkit.replay.past import PastBroker
from streamkit.serde import AvroEncoder
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from tests.support.lake import MemoryCatalog
from tests.support.workers import read_all

TOPIC, PARTITIONS = "t", 3
SCHEMA = Schema({"type": "record", "name": "T", "fields": [{"name": "n", "type": "long"}]})
DAY_MS = 86_400_000
NOW = 1_700_000_000_000


class Registry:
    def schema(self, schema_id):
        assert schema_id == 1
        return SCHEMA

    def subjects(self, schema_id):
        return ["t-value"]


class Stage:
    """A topic with transactions and aborted ones, over two days, and bronze as the sink has written it."""

    def __init__(self, folder):
        self.broker, self.catalog = MemoryBroker(), MemoryCatalog(folder)
        self.broker.create_topic(TOPIC, PARTITIONS)
        self.tables = Tables(self.catalog, "bronze")
        self._commits = 0
        self._random = random.Random(5)
        self._encode = AvroEncoder(SCHEMA, 1).encode

    def write(self, count):
        for _ in range(count):
            producer = self.broker.transactional_producer("p")
            producer.init()
            producer.begin()
            for _ in range(self._random.randint(1, 4)):
                value = self._encode({"n": self._random.randint(0, 99)})
                at_ms = NOW + self._random.randint(0, 2) * DAY_MS // 2
                headers = (("h", b"1"), ("h", b"2"))
                producer.send(
                    TOPIC, b"k", value, headers, at_ms, partition=self._random.randrange(PARTITIONS)
                )
            (producer.abort if self._random.random() < 0.3 else producer.commit)()

    def sink(self):
        """Commit to bronze what it lacks, as lake_sink would."""
        ids = {TOPIC: self.broker.info([TOPIC])[TOPIC].topic_id}
        clock = ManualClock(NOW)
        committer = Committer(self.catalog, clock, 5, Upkeep(self.catalog, 0.0))
        lake = LakeDestination(self.tables, committer, Registry(), lambda _: ids, self._new_id, clock)
        stands = lake.open([TopicPartition(TOPIC, p) for p in range(PARTITIONS)])
        lake.write([r for r in self.broker.records(TOPIC) if r.offset >= stands.get(r.tp, 0)])
        lake.commit(present_ends(self.broker, (TOPIC,)))

    def past(self):
        return BronzePast(lambda: self.tables, Registry(), self.broker.admin())

    def forget(self, before):
        for partition, offset in enumerate(before):
            self.broker.delete_before(TopicPartition(TOPIC, partition), offset)

    def _new_id(self):
        self._commits += 1
        return f"commit{self._commits}"


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path)
    for _ in range(4):
        made.write(30)
        made.sink()
    made.write(10)
    return made


def read_to(consumer, tp):
    """Read until the end of a partition is told; returns the records, and that end."""
    records, ends = [], {}
    while tp not in ends:
        polled = consumer.consume(7, 0)
        records += polled.records
        ends |= polled.ends
    return records, ends[tp]


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.8])
def test_both_together_are_what_kafka_was(stage, part):
    everything = read_all(stage.broker, TOPIC)
    ends = present_ends(stage.broker, (TOPIC,))
    stands = stage.past().reaches(TOPIC, ends.topic_ids[TOPIC])
    stage.forget([int(part * stands[p]) for p in range(PARTITIONS)])
    broker = PastBroker(stage.broker, stage.past())
    assert set(broker.admin().start_offsets(sorted(ends)).values()) == {0}
    assert read_all(broker, TOPIC) == everything


def test_all_that_bronze_has_may_be_gone_from_kafka(stage):
    everything = read_all(stage.broker, TOPIC)
    stands = stage.past().reaches(TOPIC, present_ends(stage.broker, (TOPIC,)).topic_ids[TOPIC])
    stage.forget([stands[p] for p in range(PARTITIONS)])
    assert read_all(PastBroker(stage.broker, stage.past()), TOPIC) == everything


def test_reading_begins_in_the_middle_and_goes_back(stage):
    first = TopicPartition(TOPIC, 0)
    mine = [r for r in read_all(stage.broker, TOPIC) if r.partition == 0]
    stage.forget([40, 0, 0])
    consumer = PastBroker(stage.broker, stage.past()).consumer()
    consumer.assign({first: 7})
    found = []
    while len(found) < 10:
        found += consumer.consume(4, 0).records
    assert found == [r for r in mine if r.offset >= 7][: len(found)]
    consumer.seek(first, 3)
    consumer.pause([first])
    assert consumer.consume(10, 0).records == []
    consumer.resume([first])
    again, end = read_to(consumer, first)
    assert again == [r for r in mine if r.offset >= 3]
    assert end == present_ends(stage.broker, (TOPIC,))[first]


def test_retention_that_moves_on_meanwhile_loses_nothing(stage):
    first = TopicPartition(TOPIC, 0)
    mine = [r for r in read_all(stage.broker, TOPIC) if r.partition == 0]
    stage.forget([20, 0, 0])
    consumer = PastBroker(stage.broker, stage.past()).consumer()
    consumer.assign({first: 0})
    found = consumer.consume(3, 0).records
    stage.forget([50, 0, 0])
    assert found + read_to(consumer, first)[0] == mine


def test_retention_beyond_bronze_is_told_and_not_passed_over(stage):
    first = TopicPartition(TOPIC, 0)
    stage.forget([20, 0, 0])
    consumer = PastBroker(stage.broker, stage.past()).consumer()
    consumer.assign({first: 0})
    end = present_ends(stage.broker, (TOPIC,))[first]
    stage.forget([end, 0, 0])
    with pytest.raises(StopError, match="bronze is not so far yet"):
        read_to(consumer, first)


def test_what_bronze_does_not_hold_from_the_first_record_on_begins_where_kafka_does(stage):
    ends = present_ends(stage.broker, (TOPIC,))
    stage.forget([ends[tp] for tp in sorted(ends)])
    broker = PastBroker(stage.broker, stage.past())
    assert broker.admin().start_offsets(sorted(ends)) == stage.broker.admin().start_offsets(sorted(ends))
    # The sink has passed what follows its last commit, and found nothing but markers.
    stage.broker.group("lake_sink").offsets.update(ends)
    assert set(broker.admin().start_offsets(sorted(ends)).values()) == {0}


def test_a_topic_that_was_made_again_has_no_past(stage):
    stage.broker.delete_topic(TOPIC)
    stage.broker.create_topic(TOPIC, PARTITIONS)
    stage.write(20)
    stage.forget([1, 1, 1])
    assert set(PastBroker(stage.broker, stage.past()).admin().start_offsets(
        [TopicPartition(TOPIC, p) for p in range(PARTITIONS)]
    ).values()) == {1}  # fmt: skip


def test_a_time_is_found_in_the_past(stage):
    admin, every = stage.broker.admin(), [TopicPartition(TOPIC, p) for p in range(PARTITIONS)]
    records = read_all(stage.broker, TOPIC)

    def first_behind(positions):
        # Kafka may name an aborted record: what counts is the first one behind it that can be read.
        return {
            tp: min(r.offset for r in records if r.tp == tp and r.offset >= positions[tp]) for tp in every
        }

    for time_ms in (NOW - 1, NOW + 1, NOW + DAY_MS // 2 + 1):
        whole = first_behind(admin.offsets_at(every, time_ms))
        stage.forget([10, 20, 0])
        assert (
            first_behind(PastBroker(stage.broker, stage.past()).admin().offsets_at(every, time_ms)) == whole
        )
        stage.forget([0, 0, 0])
