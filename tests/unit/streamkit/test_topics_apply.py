import json

import pytest

from streamkit.broker import TopicInfo
from streamkit.catalogue import TOPIC, Catalogue, Topic
from streamkit.errors import RetryableError
from streamkit.headers import HEARTBEAT
from streamkit.read import read_to_end
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from streamkit.testing.registry import MemoryRegistry
from streamkit.topics import plan
from streamkit.topics_apply import Platform, TopicsRefusedError, apply, observe
from tests.support.catalogues import SCHEMAS, entry, event_schema, write


class Stage:
    """An empty platform, and files that hold the catalogue's own topic and one more."""

    def __init__(self, folder):
        self.folder = folder
        self.broker = MemoryBroker()
        self.registry = MemoryRegistry()
        self.platform = Platform(self.broker, self.broker.admin(), self.registry.client(), ManualClock())
        own = json.loads((SCHEMAS / "avro" / f"{TOPIC}.avsc").read_text())
        names = {"key": "name", "event_time": "event_time", "event_id": "digest"}
        write(folder, entry(TOPIC, partitions=1, producers=["cli"], ingest=False, **names), own)
        write(folder, entry("a.v1"))

    def plan(self):
        self.declared = Catalogue.load(self.folder)
        return plan(self.declared, observe(self.platform, self.declared))

    def apply(self):
        found = self.plan()
        apply(self.platform, self.declared, found)
        return [change.action for change in found.changes]

    def published(self):
        return [(record.key, record.value) for record in read_to_end(self.broker, TOPIC, ManualClock())]


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def test_an_empty_platform_becomes_as_declared_at_once(stage):
    stage.apply()
    assert not stage.plan()
    assert stage.broker.admin().topics(["a.v1"])["a.v1"].partitions == 2
    assert stage.broker.configs(["a.v1"])["a.v1"] == {"cleanup.policy": "delete", "retention.ms": "604800000"}
    assert stage.registry.levels == {"": "BACKWARD", "a.v1-value": "BACKWARD", f"{TOPIC}-value": "BACKWARD"}
    assert [key for key, _ in stage.published()] == [b"a.v1", TOPIC.encode()]


def test_applying_again_changes_and_publishes_nothing(stage):
    stage.apply()
    before = stage.published()
    assert stage.apply() == []
    assert stage.published() == before


@pytest.mark.parametrize("bad", [b"poison", b"\x00\x00\x00\x00\x63abc", None])
def test_what_is_no_entry_is_left_out_with_a_warning(stage, caplog, bad):
    stage.apply()
    stage.broker.producer().send(TOPIC, b"a.v1", bad, partition=0)
    assert not stage.plan()
    (warning,) = caplog.messages
    assert warning.startswith(f"The record at offset 2 of {TOPIC} is left out: ")
    write(stage.folder, entry("b.v1"))
    assert "publish" in stage.apply()
    assert not stage.plan()


def test_a_heartbeat_puts_nothing_in_force(stage, caplog):
    stage.apply()
    value = next(value for key, value in stage.published() if key == b"a.v1")
    (stage.folder / "topics" / "a.v1.yaml").unlink()
    stage.apply()
    stage.broker.producer().send(TOPIC, b"a.v1", value, [(HEARTBEAT, b"1")], partition=0)
    assert not stage.plan()
    assert not caplog.messages


def test_an_interrupted_apply_is_taken_up_again(stage):
    found = stage.plan()
    stage.broker.create_topic("a.v1", 2, stage.declared["a.v1"].spec.kafka_config)
    stage.platform.registry.register("a.v1-value", stage.declared["a.v1"].schema)
    apply(stage.platform, stage.declared, found)
    assert not stage.plan()


def test_drift_is_set_back(stage):
    stage.apply()
    stage.broker.configure("a.v1", {"retention.ms": "1"})
    assert stage.apply() == ["alter topic"]
    assert stage.broker.configs(["a.v1"])["a.v1"]["retention.ms"] == "604800000"


def test_a_compatible_schema_is_registered_and_published_with_its_new_id(stage):
    stage.apply()
    before = len(stage.published())
    write(stage.folder, entry("a.v1"), event_schema({"name": "x", "type": "int", "default": 1}))
    assert stage.apply() == ["register schema", "publish"]
    assert len(stage.published()) == before + 1
    assert stage.registry.subjects["a.v1-value"][-1] == 3
    assert not stage.plan()


def test_going_back_to_an_older_schema_settles(stage):
    stage.apply()
    write(stage.folder, entry("a.v1"), event_schema({"name": "x", "type": "int", "default": 1}))
    stage.apply()
    write(stage.folder, entry("a.v1"))
    assert stage.apply() == ["publish"]
    assert not stage.plan()


def test_the_same_schema_in_another_order_is_no_change(stage):
    stage.apply()
    turned = dict(reversed(event_schema().items()))
    assert list(turned) != list(event_schema())
    write(stage.folder, entry("a.v1"), turned)
    assert not stage.plan()


def test_a_refusal_says_how_the_schema_differs_and_changes_nothing(stage):
    stage.apply()
    before = stage.published(), dict(stage.registry.subjects)
    write(stage.folder, entry("a.v1", retention="1d"), event_schema({"name": "x", "type": "int"}))
    with pytest.raises(
        TopicsRefusedError, match=r"Nothing was changed: a.v1: .*/x is new and has no default"
    ):
        stage.apply()
    assert (stage.published(), dict(stage.registry.subjects)) == before
    assert stage.broker.configs(["a.v1"])["a.v1"]["retention.ms"] == "604800000"


def test_a_partition_count_is_never_changed(stage):
    stage.broker.create_topic("a.v1", 3)
    with pytest.raises(TopicsRefusedError, match=r"For a.v1, declare a.v2 with that many"):
        stage.apply()
    assert stage.broker.admin().topics() == {"a.v1": TopicInfo("memory-1", 3)}


def test_a_topic_whose_file_is_gone_is_withdrawn_and_may_come_back(stage):
    stage.apply()
    (stage.folder / "topics" / "a.v1.yaml").unlink()
    assert stage.apply() == ["publish"]
    assert not stage.plan()
    write(stage.folder, entry("a.v1"))
    assert stage.apply() == ["publish"]
    assert not stage.plan()
    assert "a.v1" in stage.broker.admin().topics()


def test_a_published_document_holds_spec_schema_and_id(stage):
    stage.apply()
    decoder_free = stage.published()[0][1].decode("utf-8", "replace")
    document = decoder_free[decoder_free.index("{") : decoder_free.rindex("}") + 1]
    assert Topic.from_document(document) == Topic(
        stage.declared["a.v1"].spec, stage.declared["a.v1"].schema, stage.registry.subjects["a.v1-value"][0]
    )


def test_a_registry_that_is_away_is_retryable(stage):
    stage.registry.away = True
    with pytest.raises(RetryableError, match="registry is away"):
        stage.apply()
