import pytest

from replay.chain import check_chain, prepare_all
from replay.errors import ReplayRefusedError
from replay.replaced import MODELS, RULES, Files
from replay.targets import Target
from services.enricher.enrich import ENRICHED, INPUT
from streamkit.read import read_to_end
from streamkit.records import TopicPartition
from tests.support.catalogues import SCHEMAS
from tests.support.payments_stage import PaymentsStage

RULES_FILE = SCHEMAS / "rules" / "default.yaml"


@pytest.fixture
def stage(tmp_path):
    stage = PaymentsStage(tmp_path)
    for topic, service in ((INPUT, "enricher"), (ENRICHED, "fraud_scorer")):
        for _ in range(3):
            stage.broker.producer().send(topic, b"c", b"v", timestamp_ms=1, partition=0)
        stage.broker.group(service).offsets[TopicPartition(topic, 0)] = 2
    return stage


@pytest.fixture
def asked(asking):
    return asking(prepare_all)


def test_each_hop_is_fed_by_the_one_before_it(asked):
    first, second = asked("enricher,fraud_scorer", namespace="both")
    assert (first.namespace, first.plan.fed, first.target.name) == ("both-1", "", "enricher")
    assert (second.namespace, second.plan.fed, second.target.name) == ("both-2", "both-1", "fraud_scorer")
    assert asked.kept.family("both") == [first, second] == asked.kept.family(None)
    assert asked.kept.family("both-2") == [second]
    assert asked("enricher,fraud_scorer", namespace="both") == [first, second], "it is gone on with"


@pytest.mark.parametrize(
    ("what", "options", "says"),
    [
        ("fraud_scorer,enricher", {}, "enricher does not follow fraud_scorer"),
        ("enricher,lake_sink", {}, "lake_sink does not follow enricher"),
        ("enricher,fraud_scorer", {"begin": "1"}, "over all that live has done"),
        ("enricher", {"files": Files(rules=RULES_FILE)}, "enricher reads neither rules nor a model"),
        ("fraud_scorer", {"files": Files(model=RULES_FILE)}, "holds no model"),
        ("fraud_scorer", {"files": Files(rules=SCHEMAS / "none")}, "holds no rules"),
        ("lake_sink", {"sides": "corrected"}, "lake_sink has no side inputs"),
    ],
)
def test_what_makes_no_sense_is_refused(asked, what, options, says):
    with pytest.raises(ReplayRefusedError, match=says):
        asked(what, **options)
    assert list(asked.kept) == []


def test_rules_from_a_file_stand_in_a_topic_of_the_replay(stage, asked):
    _, scorer = asked("enricher,fraud_scorer", namespace="both", files=Files(rules=RULES_FILE))
    assert scorer.plan.replaced == {RULES: f"both-2.{RULES}"}
    (record,) = read_to_end(stage.broker, f"both-2.{RULES}", stage.clock)
    assert stage.codecs.decoder(RULES).decode(record.value)["rules"]
    assert asked.kept.find("both-1").plan.replaced == {}
    assert MODELS not in scorer.plan.replaced


def test_a_chain_goes_along_the_topics():
    one, other = Target("a", "transform", ("in",), ("x", "y")), Target("b", "transform", ("y",), ("z",))
    check_chain([one, other])
    with pytest.raises(ReplayRefusedError, match="a does not follow b"):
        check_chain([other, one])
