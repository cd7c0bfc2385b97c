"""The catalogue's files agree with each other and with the services that they name."""

import base64
import json

import pytest

from streamkit.avro import kind_of
from streamkit.catalogue import Catalogue
from streamkit.catalogue_files import binding_problems, refinement_problems
from streamkit.serde import AvroDecoder, AvroEncoder
from tests.support.catalogues import SCHEMAS

ROOT = SCHEMAS.parent
CATALOGUE = Catalogue.load(SCHEMAS)
EXAMPLES = sorted((SCHEMAS / "examples").glob("*/*"))
# What writes and reads topics without a folder in services/, and where it stands.
OTHERS = {"cli": ROOT / "cli", "connect": ROOT / "local", "windows": ROOT / "flink_jobs" / "windows"}


class One:
    def __init__(self, schema):
        self._schema = schema

    def schema(self, _):
        return self._schema


def from_example(schema, inner, data):
    """An example's JSON as a datum: bytes are base64."""
    inner = schema.resolve(inner)
    kind = kind_of(inner)
    if kind == "union":
        branch = next(each for each in inner if (data is None) == (each == "null"))
        return from_example(schema, branch, data)
    if kind in ("bytes", "fixed"):
        return base64.b64decode(data, validate=True)
    if kind == "array":
        return [from_example(schema, inner["items"], item) for item in data]
    if kind == "map":
        return {key: from_example(schema, inner["values"], value) for key, value in data.items()}
    if kind == "record":
        types = {field["name"]: field["type"] for field in inner["fields"]}
        return {name: from_example(schema, types[name], value) for name, value in data.items()}
    return data


def datum_of(path):
    topic = CATALOGUE[path.parent.name]
    schema = topic.schema
    return topic, from_example(schema, schema.physical, json.loads(path.read_text()))


def test_every_schema_belongs_to_a_topic():
    used = {topic.spec.schema_file for topic in CATALOGUE.values()}
    assert {path.name for path in (SCHEMAS / "avro").iterdir()} == used


def test_every_file_among_the_topics_is_one():
    assert {path.name for path in (SCHEMAS / "topics").iterdir()} == {f"{name}.yaml" for name in CATALOGUE}


def test_every_topic_has_an_example_and_every_example_a_topic():
    assert {path.parent.name for path in EXAMPLES} == set(CATALOGUE)
    assert all(path.suffix == ".json" for path in EXAMPLES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_example_comes_back_as_it_was_written(path):
    topic, datum = datum_of(path)
    decoded = AvroDecoder(One(topic.schema), topic.schema).decode(AvroEncoder(topic.schema, 1).encode(datum))
    assert {name: decoded[name] for name in datum} == datum
    left_out = {name for name in decoded if name not in datum}
    assert all("default" in topic.schema.fields()[name] for name in left_out)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_example_has_its_key_time_and_id(path):
    topic, datum = datum_of(path)
    if topic.spec.managed_by is None:
        assert isinstance(datum[topic.spec.key], str)
    assert datum[topic.spec.event_time] > 1_500_000_000_000
    assert topic.spec.event_id is None or datum[topic.spec.event_id]


@pytest.mark.parametrize(
    "name", sorted({n for t in CATALOGUE.values() for n in t.spec.producers + t.spec.consumers})
)
def test_producers_and_consumers_exist(name):
    folder = OTHERS.get(name, ROOT / "services" / name)
    assert folder.is_dir(), f"{name} is named by {_named_by(name)} and there is no {folder.relative_to(ROOT)}"


@pytest.mark.parametrize("name", CATALOGUE)
def test_key_time_and_id_are_fields_of_the_right_type(name):
    topic = CATALOGUE[name]
    assert list(binding_problems(topic.spec, topic.schema)) == []
    assert list(refinement_problems(topic, CATALOGUE.get(topic.spec.refined_from or ""))) == []


def test_what_the_gateway_takes_is_read_by_a_transform():
    """Only a transform behind the gateway leaves repeats out."""
    transforms = {"enricher", "refiner", "fraud_scorer"}
    assert [t.name for t in CATALOGUE.ingestible() if not transforms & set(t.spec.consumers)] == []


def test_bronze_topics_are_read_by_the_lake_and_no_others():
    assert {t.name for t in CATALOGUE.values() if t.spec.bronze} == {
        t.name for t in CATALOGUE.values() if "lake_sink" in t.spec.consumers
    }


def test_a_refined_topic_is_written_by_the_refiner_and_no_other_is():
    assert {t.name for t in CATALOGUE.refined()} == {
        t.name for t in CATALOGUE.values() if "refiner" in t.spec.producers
    } - {"platform.dead-letters.v1"}


def test_logs_of_changes_keep_everything_in_one_partition():
    for topic in CATALOGUE.values():
        if (
            topic.spec.managed_by
            or topic.name.startswith("platform.rules")
            or topic.name == "platform.catalogue.v1"
        ):
            assert (topic.spec.partitions, topic.spec.retention, topic.spec.cleanup) == (
                1,
                "forever",
                "delete",
            )


def test_fields_say_what_they_are():
    undocumented = [
        f"{name}/{field['name']}"
        for name, topic in CATALOGUE.items()
        for field in topic.schema.fields().values()
        if not field.get("doc")
    ]
    assert undocumented == []


def _named_by(name: str) -> list[str]:
    topics = CATALOGUE.values()
    return [topic.name for topic in topics if name in topic.spec.producers + topic.spec.consumers]
