import json

import pytest

from streamkit.avro import Schema
from streamkit.catalogue import Catalogue, CatalogueError, Topic, UnknownTopicError, Window
from streamkit.topic_spec import TopicSpec
from tests.support.catalogues import entry, event_schema, refined_entry, write


def topic(name="a.v1", schema_id=None, **changes):
    return Topic(TopicSpec(**entry(name, **changes)), Schema.of(event_schema()), schema_id)


def problems(folder):
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load(folder)
    return str(caught.value)


def test_topics_and_windows_are_loaded_with_their_schemas(tmp_path):
    write(tmp_path, entry("clicks.v1"))
    write(tmp_path, refined_entry("clicks.refined.v1", "clicks.v1"))
    (tmp_path / "windows").mkdir()
    (tmp_path / "windows" / "sessions.yaml").write_text("topic: clicks.refined.v1\ngap: 30m\n")
    catalogue = Catalogue.load(tmp_path)
    assert list(catalogue) == ["clicks.refined.v1", "clicks.v1"]
    assert catalogue["clicks.v1"].schema == Schema.of(event_schema())
    assert [topic.name for topic in catalogue.refined()] == ["clicks.refined.v1"]
    assert [topic.name for topic in catalogue.ingestible()] == ["clicks.v1"]
    assert catalogue.windows["sessions"].data == {"topic": "clicks.refined.v1", "gap": "30m"}


def test_an_unknown_topic_is_named_with_the_remedy(tmp_path):
    catalogue = Catalogue.load(write(tmp_path, entry("a.v1")))
    with pytest.raises(UnknownTopicError, match=r"no topic 'b.v1'. Add schemas/topics/b.v1.yaml"):
        catalogue["b.v1"]
    assert catalogue.get("b.v1") is None
    assert "b.v1" not in catalogue


@pytest.mark.parametrize(
    ("changes", "line", "said"),
    [
        ({"retention": "7 days"}, 9, "retention: got '7 days', expected a number and a unit"),
        ({"partitions": 0}, 8, "partitions: got 0, expected greater than or equal to 1"),
        ({"partitions": "many"}, 8, "partitions: got 'many', expected a valid integer"),
        ({"compatibility": "NONE"}, 11, "compatibility: got 'NONE', expected 'BACKWARD'"),
        ({"cleanup": "shred"}, 10, "cleanup: got 'shred', expected 'delete' or 'compact'"),
        ({"owner": "The A-Team"}, 2, "owner: got 'The A-Team', expected text that matches"),
        ({"topic": "Clicks"}, 1, "topic: got 'Clicks', expected text that matches"),
        ({"colour": "red"}, 18, "colour: is no field of a topic; those are topic, owner"),
        ({"event_id": None}, 7, "event_id: got None, expected a field"),
        ({"producers": ["cli"]}, 12, "producers: got ['cli'], expected ingest_gateway among them"),
        ({"refined_from": "b.v1"}, 12, "producers: got ['ingest_gateway'], expected [refiner]"),
        ({"managed_by": "debezium"}, 16, "ingest: got True, expected false because debezium writes it"),
        ({"key": "usr"}, 5, "key: the schema has no field 'usr'; it has id, tenant, user, at"),
        (
            {"key": "at"},
            5,
            "key: at is {'type': 'long', 'logicalType': 'timestamp-millis'}, expected a string",
        ),
        ({"event_id": "ident"}, 7, "event_id: the schema has no field 'ident'"),
        ({"event_time": "when"}, 6, "event_time: a.v1.avsc has no field 'when'"),
        ({"event_time": "id"}, 6, "event_time: id is 'string', expected long with timestamp-millis"),
    ],
)
def test_a_wrong_field_is_told_with_file_and_line(tmp_path, changes, line, said):
    data = {**entry("a.v1"), **changes}
    write(tmp_path, data)
    (tmp_path / "topics" / f"{data['topic']}.yaml").rename(tmp_path / "topics" / "a.v1.yaml")
    assert f"topics/a.v1.yaml:{line}: {said}" in problems(tmp_path)


def test_a_missing_field_is_told_without_a_line(tmp_path):
    data = entry("a.v1")
    del data["owner"]
    assert "a.v1.yaml: owner: is missing: The team to ask." in problems(write(tmp_path, data))


def test_the_name_is_the_file_s(tmp_path):
    write(tmp_path, entry("a.v1"))
    (tmp_path / "topics" / "a.v1.yaml").rename(tmp_path / "topics" / "b.v1.yaml")
    assert "b.v1.yaml:1: topic: got 'a.v1', expected the file's name 'b.v1'" in problems(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("topic: a.v1\ntopic: b.v1\n", "a.v1.yaml:2: topic stands here a second time"),
        ("topic: [\n", "a.v1.yaml:2: "),
        ("- a\n", "a.v1.yaml:1: expected a mapping of fields, got list"),
    ],
)
def test_broken_yaml_is_told_with_its_line(tmp_path, text, said):
    write(tmp_path, entry("a.v1"))
    (tmp_path / "topics" / "a.v1.yaml").write_text(text)
    assert said in problems(tmp_path)


def test_a_schema_that_is_missing_or_none_is_told(tmp_path):
    write(tmp_path, entry("a.v1"))
    schema = tmp_path / "avro" / "a.v1.avsc"
    schema.write_text('{"type": "rec"}')
    assert f"a.v1.yaml:4: schema_file: {schema} is no Avro schema" in problems(tmp_path)
    schema.write_text('"string"')
    assert "a.v1.yaml:4: schema_file: got a schema of type string, expected a record" in problems(tmp_path)
    schema.unlink()
    assert f"a.v1.yaml:4: schema_file: there is no file {schema}" in problems(tmp_path)


def test_all_problems_of_all_files_are_told_at_once(tmp_path):
    write(tmp_path, entry("a.v1", partitions=0, retention="soon"))
    write(tmp_path, entry("b.v1", key="nobody"))
    said = problems(tmp_path)
    assert ["a.v1.yaml:8" in said, "a.v1.yaml:9" in said, "b.v1.yaml:5" in said] == [True] * 3


def test_an_empty_folder_is_told(tmp_path):
    assert "expected at least one file <topic>.yaml, got none" in problems(tmp_path)


@pytest.mark.parametrize(
    ("source", "refined", "schema", "said"),
    [
        (entry("b.v1"), refined_entry("a.v1", "c.v1"), None, "refined_from: there is no topic 'c.v1'"),
        (entry("b.v1"), refined_entry("a.v1", "b.v1", partitions=3), None,
         "partitions: got 3, expected 2 as in b.v1"),
        (entry("b.v1"), refined_entry("a.v1", "b.v1", key="id"), None,
         "key: got 'id', expected 'user' as in b.v1"),
        (entry("b.v1"), refined_entry("a.v1", "b.v1"), event_schema({"name": "x", "type": "int"}),
         "schema_file: it cannot read what b.v1 holds"),
        (entry("b.v1"), refined_entry("a.v1", "b.v1"), {**event_schema(), "name": "Other"},
         "schema_file: got the record tests.Other, expected tests.Event as in b.v1"),
    ],
)  # fmt: skip
def test_a_refined_topic_matches_its_source(tmp_path, source, refined, schema, said):
    write(tmp_path, source)
    write(tmp_path, refined, schema)
    assert said in problems(tmp_path)


def test_a_refined_topic_may_add_a_field_with_a_default(tmp_path):
    write(tmp_path, entry("b.v1"))
    added = {"name": "x", "type": "int", "default": 1}
    assert Catalogue.load(write(tmp_path, refined_entry("a.v1", "b.v1"), event_schema(added)))


RETENTIONS = {"30m": 1_800_000, "12h": 43_200_000, "7d": 604_800_000, "forever": -1}


@pytest.mark.parametrize(("retention", "ms"), RETENTIONS.items())
def test_retention_in_kafka(retention, ms):
    assert topic(retention=retention).spec.kafka_config == {
        "cleanup.policy": "delete",
        "retention.ms": str(ms),
    }


def test_a_topic_document_comes_back_as_it_went():
    written = topic(schema_id=9)
    assert Topic.from_document(written.document()) == written


def test_a_document_of_a_newer_version_is_read_without_what_it_added():
    document = json.loads(topic(schema_id=9).document())
    document["spec"]["tier"] = "gold"
    assert Topic.from_document(json.dumps(document)) == topic(schema_id=9)


@pytest.mark.parametrize("document", ["{}", "[]", "5", '{"spec": {}, "schema": "string", "schema_id": 1}'])
def test_what_is_no_topic_document_is_refused(document):
    with pytest.raises(ValueError, match=r"document|validation"):
        Topic.from_document(document)


def test_the_digest_tells_changes_and_forgets_the_order():
    one, other, window = topic("a.v1"), topic("b.v1"), Window("w", {"size": "1m"})
    digest = Catalogue.of([one, other, window]).digest
    assert Catalogue.of([window, other, one]).digest == digest
    assert Catalogue.of([one, other]).digest != digest
    assert Catalogue.of([one, topic("b.v1", partitions=3), window]).digest != digest
