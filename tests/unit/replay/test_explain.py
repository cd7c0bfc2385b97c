"""Decisions of the two hops in memory, done again one by one from the log."""

import json

import pytest

from replay.errors import ReplayRefusedError
from replay.explain import Explainer
from services.enricher.enrich import ENRICHED, INPUT
from services.fraud_scorer.score import DECISIONS
from streamkit.errors import StopError
from tests.support.payments_stage import PaymentsStage
from tests.support.workers import turn_until
from tests.unit.streamkit.replay.test_replay import live, transaction

COUNT = 12


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    stage = PaymentsStage(tmp_path_factory.mktemp("explain"))
    specs = stage.specs()
    live(stage, specs)
    return stage, specs


def explainer(world, told=None):
    stage, specs = world
    tell = told.append if told is not None else lambda _: None
    enricher, scorer = specs["enricher"], specs["fraud_scorer"]
    return Explainer(stage.broker, stage.codecs, stage.clock, enricher, scorer, tell)


@pytest.mark.parametrize("number", range(COUNT))
def test_every_decision_comes_to_the_same_bytes_with_the_side_inputs_of_its_time(world, number):
    found = explainer(world).explain(f"x{number}", "default")
    assert found.agrees, list(found.lines())
    assert found.transaction == transaction(number)
    assert found.rule_set == f"v{number - number % 3}"
    assert [(rule.code, rule.matched) for rule in found.rules] == [("amount", number % 3 > 0)]
    customers = found.rows[0]
    if number % 3 == 1:
        assert (customers.offset, customers.columns["credit_limit_minor"]) == (number, 1000 + number)
    else:
        assert (customers.offset, customers.columns) == (None, None)
    assert found.model is None


def test_a_feature_names_the_transactions_behind_it_and_their_number_is_its_value(world):
    found = explainer(world).explain("x9", "default")
    used = {one.name: one for one in found.features}
    assert used["customer_count_1d"].behind == ("x0", "x3", "x6", "x9")
    assert used["customer_count_1d"].value == 4
    assert used["terminal_count_1d"].behind == ()
    assert used["amount_minor"].behind is None
    assert all(len(one.behind) == one.value for one in found.features if "_count_" in one.name)


def test_it_says_what_it_does_and_what_it_found(world):
    told = []
    found = explainer(world, told).explain("x4", "default")
    assert any(words.startswith("looking for the decision: ") for words in told)
    lines = list(found.lines())
    assert lines[0] == "DECLINE on x4, score 0.0"
    assert "  cards k1: no row" in lines
    assert lines.count("  done again: the same, byte for byte") == 2
    assert any("matched" in line and "amount_minor > 1003" in line for line in lines)
    data = json.loads(json.dumps(found.to_json(), default=str))
    assert (data["agrees"], data["decision"]["transaction_id"]) == (True, "x4")


@pytest.mark.parametrize(("decision", "tenant"), [("x99", "default"), ("x", "default"), ("x1", "other")])
def test_a_decision_that_is_not_there_is_named(world, decision, tenant):
    with pytest.raises(ReplayRefusedError, match=f"no decision on {decision} of tenant {tenant}"):
        explainer(world).explain(decision, tenant)


def test_what_another_program_would_decide_is_shown_field_by_field(world):
    _, specs = world
    changed = explainer(world)
    changed._enricher = specs["enricher"].__class__(
        **{**vars(specs["enricher"]), "step": _doubled(specs["enricher"].step)}
    )
    found = changed.explain("x5", "default")
    assert not found.agrees
    assert [hop.same_bytes for hop in found.hops] == [False, True]
    assert any("key" in each.pointer for each in found.hops[0].different)


def _doubled(step):
    def other(batch, side, state):
        for output in step(batch, side, state):
            output.key = b"another"
            yield output

    return other


class Trimmed:
    """A broker's admin that says that the first records of one topic are gone."""

    def __init__(self, admin, topic):
        self._admin, self._topic = admin, topic

    def __getattr__(self, name):
        return getattr(self._admin, name)

    def start_offsets(self, partitions):
        found = self._admin.start_offsets(partitions)
        return type(found)({tp: 3 if tp.topic == self._topic else first for tp, first in found.items()})


@pytest.mark.parametrize(
    ("topic", "error", "says"),
    [
        (INPUT, ReplayRefusedError, "no longer has its records before offset 3"),
        (ENRICHED, ReplayRefusedError, "longer retention"),
        ("cdc.bank.customers", StopError, "as live knew them cannot be made again"),
        ("platform.rules.v1", StopError, "retention was shortened"),
    ],
)
def test_what_is_gone_is_said_with_the_remedy(world, monkeypatch, topic, error, says):
    stage, _ = world
    real = stage.broker.admin
    monkeypatch.setattr(stage.broker, "admin", lambda: Trimmed(real(), topic))
    with pytest.raises(error, match=says):
        explainer(world).explain("x7", "default")


def test_a_topic_made_again_is_refused(world, monkeypatch):
    stage, _ = world
    info = stage.broker.admin().topics([INPUT])[INPUT]
    monkeypatch.setattr(stage.broker, "info", _other_id(stage.broker.info, info))
    with pytest.raises(ReplayRefusedError, match="made again"):
        explainer(world).explain("x7", "default")


def _other_id(real, info):
    def asked(names):
        return {
            n: found._replace(topic_id="new") if n == INPUT else found for n, found in real(names).items()
        }

    return asked


def test_one_that_went_back_from_the_dead_letters_is_refused_in_words(tmp_path):
    stage = PaymentsStage(tmp_path)
    enricher, scorer = stage.specs().values()
    hops = [stage.worker(enricher), stage.worker(scorer)]
    stage.send(INPUT, transaction(1))
    turn_until(hops, lambda: len(stage.values(DECISIONS)) == 1)
    for hop in hops:
        hop.close()
    # As if the log had held something else there, and the transaction had come by the retry topic.
    (record,) = stage.records(INPUT)
    log = stage.broker.log(record.tp)
    for entry in log.entries:
        if entry.record is not None:
            entry.record.value = b"poison"
    found = Explainer(stage.broker, stage.codecs, stage.clock, enricher, scorer, lambda _: None)
    with pytest.raises(ReplayRefusedError, match=r"put aside \(no_magic\) and went back"):
        found.explain("x1", "default")
