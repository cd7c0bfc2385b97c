import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search_sink.client import templates
from services.search_sink.documents import FAMILIES, document_of
from streamkit.catalogue import Catalogue
from streamkit.headers import HOPS
from streamkit.records import Record

TIMES = st.integers(0, 4_000_000_000_000)


@pytest.fixture(scope="module")
def catalogue(pytestconfig):
    return Catalogue.load(pytestconfig.rootpath / "schemas")


@pytest.fixture(scope="module")
def examples(pytestconfig):
    def load(topic):
        folder = pytestconfig.rootpath / "schemas" / "examples" / topic
        return [orjson.loads(file.read_bytes()) for file in sorted(folder.glob("*.json"))]

    return load


def as_decoded(topic, example):
    if topic == "platform.dead-letters.v1":
        return {**example, "source_value": base64.b64decode(example["source_value"] or "")}
    return example


def record(topic, offset=7, timestamp_ms=1_700_000_000_000, headers=()):
    return Record(topic, 2, offset, timestamp_ms, b"k", b"v", headers)


@pytest.mark.parametrize("topic", FAMILIES)
def test_every_field_of_a_document_is_mapped_and_the_other_way_round(topic, examples):
    template = templates("")[f"kapstan-{FAMILIES[topic].name}"]["template"]
    mapped = template["mappings"]["properties"].keys()
    for example in examples(topic):
        document = document_of(record(topic), "id", FAMILIES[topic], as_decoded(topic, example))
        assert document.source.keys() | {"tenant"} == mapped | {"tenant"}


@pytest.mark.parametrize("topic", FAMILIES)
def test_the_index_is_one_that_the_template_covers(topic, examples):
    example = as_decoded(topic, examples(topic)[0])
    document = document_of(record(topic), "id", FAMILIES[topic], example, "ns-")
    (pattern,) = templates("ns-")[f"kapstan-ns-{FAMILIES[topic].name}"]["index_patterns"]
    assert pattern.endswith("*")
    assert document.index.startswith(pattern[:-1])


def test_the_index_bears_the_ingest_day_in_utc(examples):
    (example, *_) = examples("payments.decisions.v1")
    family = FAMILIES["payments.decisions.v1"]
    before, after = (
        document_of(record("payments.decisions.v1", timestamp_ms=ms), "id", family, example).index
        for ms in (1_700_006_399_999, 1_700_006_400_000)
    )
    assert (before, after) == ("decisions-2023-11-14", "decisions-2023-11-15")


@pytest.mark.parametrize(
    ("ms", "day"),
    [
        (-(2**63), "1970-01-01"),
        (-1, "1970-01-01"),
        (253_402_300_799_999, "9999-12-31"),
        (253_402_300_800_000, "9999-12-31"),
        (2**63 - 1, "9999-12-31"),
    ],
)
def test_a_record_of_no_day_has_its_place_all_the_same(examples, ms, day):
    topic = "payments.alerts.v1"
    document = document_of(record(topic, timestamp_ms=ms), "id", FAMILIES[topic], examples(topic)[0])
    assert document.index == f"alerts-{day}"
    assert document.source["ingest_time"] == ms


@given(offset=st.integers(0, 2**62), at=TIMES, topic_id=st.sampled_from(["a", "b"]))
def test_place_id_and_version_are_a_function_of_the_record(examples, offset, at, topic_id):
    topic = "payments.alerts.v1"
    example = examples(topic)[0]
    first, second = (
        document_of(record(topic, offset, at), topic_id, FAMILIES[topic], example) for _ in range(2)
    )
    assert (first.index, first.id, first.version) == (second.index, second.id, second.version)
    assert first.version == offset
    assert document_of(record(topic, offset + 1, at), topic_id, FAMILIES[topic], example).id != first.id
    assert document_of(record(topic, offset, at), "other", FAMILIES[topic], example).id != first.id


@pytest.mark.parametrize(
    ("hops", "latency"),
    [
        ((), None),
        (((HOPS, b"gateway=100"),), None),
        (((HOPS, b"gateway=100,enricher=130,fraud_scorer=150"),), 50),
        (((HOPS, b"junk"),), None),
        (((HOPS, b"junk,enricher=130,fraud_scorer=150"),), 20),
    ],
)
def test_latency_runs_from_the_first_hop_to_the_last(examples, hops, latency):
    topic = "payments.decisions.v1"
    document = document_of(record(topic, headers=hops), "id", FAMILIES[topic], examples(topic)[0])
    assert document.source["latency_ms"] == latency


def test_of_a_large_dead_letter_the_beginning_is_kept(examples):
    topic = "platform.dead-letters.v1"
    example = {**examples(topic)[0], "source_value": b"\xff" + b"a" * 100_000}
    source = document_of(record(topic), "id", FAMILIES[topic], example).source
    assert source["source_bytes"] == 100_001
    assert source["source_preview"] == "\ufffd" + "a" * 1_999
    assert base64.b64decode(source["source_head"]) == b"\xff" + b"a" * 1_999


@pytest.mark.parametrize("topic", FAMILIES)
def test_what_is_searched_is_in_the_catalogue_for_this_service(topic, catalogue):
    assert "search_sink" in catalogue[topic].spec.consumers
