import pytest

from streamkit.avro import Schema
from streamkit.catalogue import TOPIC, Catalogue, Topic
from streamkit.catalogue_entries import EntryDecoder, encode_entry
from streamkit.catalogue_follower import CatalogueFollower
from streamkit.codecs import Codecs
from streamkit.errors import DeadLetterError
from streamkit.records import Record, TopicPartition
from streamkit.registry import subject_of
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from streamkit.testing.registry import MemoryRegistry
from streamkit.topic_spec import TopicSpec
from tests.support.catalogues import SCHEMAS, entry, event_schema


def declared(name, **changes):
    return Topic(TopicSpec(**entry(name, **changes)), Schema.of(event_schema()), 7)


class Stage:
    def __init__(self):
        own = Catalogue.load(SCHEMAS)
        client = MemoryRegistry().client()
        client.register(subject_of(TOPIC), own[TOPIC].schema)
        codecs = Codecs(own, client)
        self.encoder, self.decode = codecs.encoder(TOPIC), EntryDecoder(codecs.decoder(TOPIC))
        self.broker = MemoryBroker()
        self.broker.create_topic(TOPIC, 1)
        self.follower = CatalogueFollower(self.broker, self.decode, ManualClock())
        self._consumer = self.broker.consumer()
        self._consumer.assign({TopicPartition(TOPIC, 0): 0})

    def publish(self, name, document, kind="TOPIC"):
        key, value = encode_entry(self.encoder, kind, name, document, 1)
        self.broker.producer().send(TOPIC, key, value)

    def read(self):
        self.follower.step(self._consumer, 0)
        return self.follower.catalogue


@pytest.fixture
def stage():
    return Stage()


def test_an_empty_topic_is_an_empty_catalogue(stage):
    assert stage.follower.unready() == f"{TOPIC} has not been read to its end yet."
    assert not stage.read()
    assert stage.follower.unready() is None


def test_what_is_applied_is_served_at_the_next_read(stage):
    stage.publish("a.v1", declared("a.v1").document())
    assert list(stage.read()) == ["a.v1"]
    stage.publish("b.v1", declared("b.v1").document())
    assert stage.read()["b.v1"] == declared("b.v1")


def test_the_newest_entry_counts_and_a_withdrawn_one_is_gone(stage):
    stage.publish("a.v1", declared("a.v1").document())
    stage.publish("b.v1", declared("b.v1").document())
    stage.publish("a.v1", declared("a.v1", retention="1d").document())
    stage.publish("b.v1", None)
    catalogue = stage.read()
    assert list(catalogue) == ["a.v1"]
    assert catalogue["a.v1"].spec.retention == "1d"


def test_topics_and_windows_of_one_name_are_kept_apart(stage):
    stage.publish("a.v1", declared("a.v1").document())
    stage.publish("a.v1", '{"size": "1m"}', "WINDOW")
    assert stage.read().windows["a.v1"].data == {"size": "1m"}
    assert "a.v1" in stage.read()


def test_one_bad_entry_does_not_cost_the_others(stage):
    stage.publish("a.v1", declared("a.v1").document())
    stage.publish("b.v1", '{"spec": {"topic": "b.v1"}}')
    stage.broker.producer().send(TOPIC, b"c.v1", b"junk")
    stage.publish("d.v1", declared("d.v1").document())
    assert list(stage.read()) == ["a.v1", "d.v1"]


def test_a_catalogue_is_a_new_object_only_when_it_changed(stage):
    stage.publish("a.v1", declared("a.v1").document())
    first = stage.read()
    assert stage.read() is first


def test_a_follower_that_has_ended_by_a_fault_is_not_ready(stage):
    def broken(_record):
        raise KeyError("spec")

    stage.publish("a.v1", declared("a.v1").document())
    assert list(stage.read()) == ["a.v1"]
    assert stage.follower.unready() is None
    stage.follower._decode = broken
    stage.publish("b.v1", declared("b.v1").document())
    with stage.follower:
        stage.follower._thread.join(10)
        assert not stage.follower._thread.is_alive()
    assert stage.follower.unready() == (
        f"{TOPIC} is no longer followed, because of KeyError('spec'); restart the service."
    )
    assert list(stage.follower.catalogue) == ["a.v1"]


def test_a_bad_entry_is_a_dead_letter_of_a_transform(stage):
    _, value = encode_entry(stage.encoder, "TOPIC", "a.v1", "{}", 1)
    with pytest.raises(DeadLetterError, match=r"catalogue entry TOPIC/a.v1 cannot be used") as caught:
        stage.decode(Record(TOPIC, 0, 0, 1, b"a.v1", value))
    assert caught.value.field_path == "/document"


def test_heartbeats_and_empty_records_are_ignored(stage):
    assert stage.decode(Record(TOPIC, 0, 0, 1, None, None)) is None
    assert stage.decode(Record(TOPIC, 0, 0, 1, None, b"x", (("kapstan-heartbeat", b"1"),))) is None
