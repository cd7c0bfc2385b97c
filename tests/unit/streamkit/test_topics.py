import pytest

from streamkit.avro import Schema
from streamkit.broker import TopicInfo
from streamkit.catalogue import Catalogue, Topic, Window
from streamkit.topic_spec import TopicSpec
from streamkit.topics import (
    Actual,
    AlterTopic,
    CreateTopic,
    Publish,
    RegisterSchema,
    SetLevel,
    plan,
    successor,
)
from tests.support.catalogues import entry, event_schema

CONFIG = {"cleanup.policy": "delete", "retention.ms": "604800000"}


def topic(name="a.v1", **changes):
    return Topic(TopicSpec(**entry(name, **changes)), Schema.of(event_schema()))


def catalogue(*entries):
    return Catalogue.of(entries or [topic()])


def document(one=None, schema_id=5):
    one = one or topic()
    return Topic(one.spec, one.schema, schema_id).document()


def actual(**changes):
    """Everything as `catalogue()` declares it, but for the changes."""
    there = {
        "topics": {"a.v1": TopicInfo("id", 2)},
        "configs": {"a.v1": {**CONFIG, "segment.bytes": "1000"}},
        "schema_ids": {"a.v1": 5},
        "levels": {None: "BACKWARD", "a.v1": "BACKWARD"},
        "published": {"TOPIC/a.v1": document()},
    }
    return Actual(**{**there, **changes})


def test_nothing_is_to_do_when_all_is_as_declared():
    found = plan(catalogue(), actual())
    assert not found
    assert found.changes == ()


def test_everything_is_made_on_an_empty_platform():
    found = plan(catalogue(), Actual())
    assert found.refusals == ()
    assert found.changes == (
        SetLevel("all subjects", None, None, "BACKWARD"),
        CreateTopic("a.v1", 2, CONFIG),
        RegisterSchema("a.v1", topic(), 1),
        SetLevel("a.v1", "a.v1", None, "BACKWARD"),
        Publish("TOPIC/a.v1", "TOPIC", "a.v1", "new"),
    )


@pytest.mark.parametrize("level", [None, "NONE"])
def test_a_global_level_that_allows_anything_is_set(level):
    levels = {"a.v1": "BACKWARD"} | ({None: level} if level else {})
    assert plan(catalogue(), actual(levels=levels)).changes == (
        SetLevel("all subjects", None, level, "BACKWARD"),
    )


def test_drifted_settings_are_set_back_and_others_left():
    drifted = {"a.v1": {**CONFIG, "retention.ms": "1", "segment.bytes": "1000"}}
    (change,) = plan(catalogue(), actual(configs=drifted)).changes
    assert change == AlterTopic("a.v1", {"retention.ms": "1"}, {"retention.ms": "604800000"})
    assert change.detail == "retention.ms: 1 -> 604800000"


def test_another_level_is_set():
    changed = actual(levels={None: "BACKWARD", "a.v1": "FULL"})
    assert plan(catalogue(), changed).changes == (SetLevel("a.v1", "a.v1", "FULL", "BACKWARD"),)


def test_a_new_schema_is_registered_and_published():
    found = plan(catalogue(), actual(schema_ids={}, versions={"a.v1": 3}, conflicts={"a.v1": []}))
    assert found.changes == (
        RegisterSchema("a.v1", topic(), 4),
        Publish("TOPIC/a.v1", "TOPIC", "a.v1", "changed"),
    )


def test_an_incompatible_schema_is_refused_with_the_remedy():
    conflicts = {"a.v1": ["/x is new and has no default"]}
    (refusal,) = plan(catalogue(), actual(schema_ids={}, versions={"a.v1": 3}, conflicts=conflicts)).refusals
    assert refusal.problem == "a.v1.avsc is not BACKWARD: /x is new and has no default"
    assert "declare a.v2" in refusal.remedy


def test_another_partition_count_is_refused_with_the_remedy():
    (refusal,) = plan(catalogue(), actual(topics={"a.v1": TopicInfo("id", 3)})).refusals
    assert refusal.problem.startswith("it has 3 partitions and the catalogue says 2")
    assert "declare a.v2" in refusal.remedy


def test_debezium_registers_its_own_schemas():
    cdc = topic("cdc.t", managed_by="debezium", ingest=False, producers=["connect"])
    found = plan(catalogue(cdc), Actual(levels={None: "FULL"}))
    assert found.changes == (
        CreateTopic("cdc.t", 2, CONFIG),
        Publish("TOPIC/cdc.t", "TOPIC", "cdc.t", "new"),
    )
    assert not plan(
        catalogue(cdc),
        Actual(
            topics={"cdc.t": TopicInfo("id", 2)},
            configs={"cdc.t": CONFIG},
            levels={None: "FULL"},
            published={"TOPIC/cdc.t": document(cdc, None)},
        ),
    )


def test_windows_are_published_when_new_changed_or_gone():
    declared = catalogue(
        topic(), Window("new", {"size": 1}), Window("same", {"size": 1}), Window("other", {"size": 2})
    )
    published = {
        "TOPIC/a.v1": document(),
        "WINDOW/same": Window("same", {"size": 1}).document(),
        "WINDOW/other": Window("other", {"size": 1}).document(),
        "WINDOW/gone": "{}",
    }
    assert plan(declared, actual(published=published)).changes == (
        Publish("WINDOW/new", "WINDOW", "new", "new"),
        Publish("WINDOW/other", "WINDOW", "other", "changed"),
        Publish("WINDOW/gone", "WINDOW", "gone", "withdrawn"),
    )


def test_a_registry_that_gave_another_id_is_published():
    assert plan(catalogue(), actual(schema_ids={"a.v1": 6})).changes == (
        Publish("TOPIC/a.v1", "TOPIC", "a.v1", "changed"),
    )


def test_changes_are_one_flat_json_object_each():
    change = CreateTopic("a.v1", 2, CONFIG)
    assert change.to_json() == {
        "action": "create topic",
        "target": "a.v1",
        "detail": "2 partitions, cleanup.policy=delete, retention.ms=604800000",
    }


@pytest.mark.parametrize(
    ("name", "following"),
    [("a.b.v1", "a.b.v2"), ("a.v9", "a.v10"), ("cdc.bank.cards", "cdc.bank.cards.v2"), ("a.vx", "a.vx.v2")],
)
def test_successor(name, following):
    assert successor(name) == following
