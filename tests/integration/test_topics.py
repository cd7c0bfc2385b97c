"""`kapstan topics` and the follower against the real Kafka and registry."""

import json

import pytest

from streamkit.avro import Schema
from streamkit.catalogue import TOPIC
from streamkit.catalogue_entries import EntryDecoder
from streamkit.catalogue_follower import CatalogueFollower
from streamkit.clock import SystemClock
from streamkit.errors import DeadLetterError
from streamkit.read import read_to_end
from streamkit.registry import IncompatibleSchemaError, subject_of
from streamkit.topics_apply import TopicsRefusedError
from tests.support.applied import Applied
from tests.support.catalogues import entry, event_schema, write
from tests.support.waiting import until


@pytest.fixture
def applied(parts, tmp_path):
    applied = Applied(parts.need("kafka", "registry"), tmp_path)
    yield applied
    applied.close()


@pytest.fixture
def topic(unique):
    return f"{unique}.v1"


def actions(found, topic):
    """What concerns the topic, as (action, detail)."""
    return [(change.action, change.detail) for change in found.changes if topic in change.target]


def test_apply_makes_what_diff_announced_and_then_rests(applied, topic):
    write(applied.schemas, entry(topic, retention="12h", compatibility="FULL"))
    command = ("--json", "--schemas", str(applied.schemas))
    announced = applied.kapstan("topics", "diff", *command)
    assert announced.returncode == 1
    changes = [
        change["action"] for change in json.loads(announced.stdout)["changes"] if topic in change["target"]
    ]
    assert changes == ["create topic", "register schema", "set compatibility", "publish"]
    done = applied.kapstan("topics", "apply", *command)
    assert (done.returncode, done.stdout) == (0, announced.stdout)
    published = len(list(read_to_end(applied.broker, TOPIC)))
    assert not applied.apply()
    assert len(list(read_to_end(applied.broker, TOPIC))) == published
    config = applied.platform.admin.topic_configs([topic])[topic]
    assert (config["retention.ms"], config["cleanup.policy"]) == ("43200000", "delete")
    assert applied.registry.compatibility(subject_of(topic)) == "FULL"
    assert applied.registry.compatibility() == "BACKWARD"


def test_drift_is_found_and_set_back(applied, topic):
    write(applied.schemas, entry(topic))
    applied.apply()
    applied.platform.admin.set_topic_config(topic, {"retention.ms": "60000"})
    applied.registry.set_compatibility("NONE", subject_of(topic))
    assert actions(applied.apply(), topic) == [
        ("alter topic", "retention.ms: 60000 -> 604800000"),
        ("set compatibility", "NONE -> BACKWARD"),
    ]
    assert not applied.plan()


def test_a_compatible_schema_becomes_a_version_and_an_incompatible_one_is_refused(applied, topic):
    write(applied.schemas, entry(topic))
    applied.apply()
    old = applied.registry.latest(subject_of(topic))
    wider = event_schema({"name": "x", "type": "int", "default": 0})
    write(applied.schemas, entry(topic), wider)
    applied.apply()
    new = applied.registry.latest(subject_of(topic))
    assert (old.version, new.version, new.schema) == (1, 2, Schema.of(wider))
    write(applied.schemas, entry(topic), event_schema({"name": "y", "type": "int"}))
    with pytest.raises(TopicsRefusedError, match="/y is new and has no default"):
        applied.apply()
    assert applied.registry.latest(subject_of(topic)) == new
    with pytest.raises(IncompatibleSchemaError, match="409"):
        applied.registry.register(subject_of(topic), Schema.of(event_schema({"name": "y", "type": "int"})))


def test_a_partition_count_is_refused(applied, topic):
    write(applied.schemas, entry(topic))
    applied.apply()
    write(applied.schemas, entry(topic, partitions=5))
    with pytest.raises(TopicsRefusedError, match="it has 2 partitions and the catalogue says 5"):
        applied.apply()
    assert applied.platform.admin.topics([topic])[topic].partitions == 2


def test_an_unknown_id_and_an_unknown_subject(applied, topic):
    with pytest.raises(DeadLetterError) as caught:
        applied.registry.schema(999_999)
    assert caught.value.reason == "unknown_schema"
    schema = Schema.of(event_schema())
    assert applied.registry.id_of(subject_of(topic), schema) is None
    assert applied.registry.latest(subject_of(topic)) is None
    assert applied.registry.compatibility(subject_of(topic)) is None
    assert applied.registry.conflicts(subject_of(topic), schema) is None


def test_a_follower_sees_topics_come_change_and_go(applied, topic):
    applied.apply()
    decode = EntryDecoder(applied.codecs().decoder(TOPIC))
    with CatalogueFollower(applied.broker, decode, SystemClock()) as follower:
        assert follower.wait(20)
        assert follower.unready() is None
        assert topic not in follower.catalogue
        write(applied.schemas, entry(topic))
        applied.apply()
        until(lambda: topic in follower.catalogue, 10)
        assert follower.catalogue[topic].schema_id == applied.registry.latest(subject_of(topic)).schema_id
        write(applied.schemas, entry(topic, retention="1d"))
        applied.apply()
        until(lambda: follower.catalogue[topic].spec.retention == "1d", 10)
        (applied.schemas / "topics" / f"{topic}.yaml").unlink()
        applied.apply()
        until(lambda: topic not in follower.catalogue, 10)
