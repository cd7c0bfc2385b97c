import pytest

from replay.errors import ReplayRefusedError
from replay.targets import target_of
from streamkit.catalogue import Catalogue
from streamkit.codecs import DEAD_LETTERS
from tests.support.catalogues import SCHEMAS

WINDOWS = (("fraud_rate", "payments.decisions.v1"),)


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue.load(SCHEMAS)


def test_a_transform_writes_its_outputs_and_dead_letters(catalogue):
    target = target_of("fraud_scorer", catalogue, WINDOWS)
    assert (target.kind, target.inputs) == ("transform", ("payments.enriched.v1",))
    assert target.written == ("payments.decisions.v1", "payments.alerts.v1", DEAD_LETTERS)


def test_the_declared_transforms_write_what_the_catalogue_says(catalogue):
    for name in ("enricher", "fraud_scorer", "refiner"):
        target = target_of(name, catalogue, WINDOWS)
        assert all(catalogue[topic].spec.producers == (name,) for topic in target.outputs)
        assert all(name in catalogue[topic].spec.consumers or name == "refiner" for topic in target.inputs)


def test_a_window_reads_its_topic_and_the_lake_every_bronze_topic(catalogue):
    assert target_of("fraud_rate", catalogue, WINDOWS).inputs == ("payments.decisions.v1",)
    lake = target_of("lake_sink", catalogue, WINDOWS)
    assert set(lake.inputs) == {name for name, topic in catalogue.items() if topic.spec.bronze}
    assert lake.written == ()


def test_the_refiner_can_be_held_to_one_of_its_inputs(catalogue):
    target = target_of("refiner", catalogue, WINDOWS, ["web.clicks.v1"])
    assert (target.inputs, target.outputs) == (("web.clicks.v1",), ("web.clicks.refined.v1",))


@pytest.mark.parametrize(
    ("name", "topics", "says"),
    [
        ("search_sink", (), "kapstan audit"),
        ("ingest_gateway", (), "reads no topic"),
        ("live_views", (), "keeps no history"),
        ("fraud", (), "Choose from: enricher, fraud_scorer, refiner, lake_sink, fraud_rate"),
        ("enricher", ("web.clicks.v1",), "enricher does not read web.clicks.v1"),
    ],
)
def test_what_cannot_be_replayed_is_refused(catalogue, name, topics, says):
    with pytest.raises(ReplayRefusedError, match=says):
        target_of(name, catalogue, WINDOWS, topics)
