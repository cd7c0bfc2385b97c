"""The two hops in their loops over the demo's kind of history: what training sees, the services see."""

import dataclasses

import numpy as np
import pytest

from payments.decision import Thresholds
from payments.features import FEATURE_NAMES
from payments.simulator import TRANSACTIONS, World, WorldParameters, customers, history
from payments.simulator.reports import reports_of_day
from payments.simulator.transactions import transactions_of_day
from services.enricher import app as enricher
from services.enricher.config import EnricherSettings
from services.fraud_scorer import app as scorer
from services.fraud_scorer.score import ALERTS, DECISIONS
from streamkit.codecs import DEAD_LETTERS
from streamkit.headers import ORIGIN, ORIGIN_HISTORY
from tests.support.payments_stage import NOW, PaymentsStage
from tests.support.workers import turn_until
from training.dataset import NEVER, _Features
from training.fit import fit
from training.parameters import TreeParameters
from training.trained import TrainedModel

DAYS = 20
WORLD = World.ending_at(
    NOW,
    past_days=DAYS,
    parameters=WorldParameters(
        customers=12, terminals=9, radius=60, compromised_terminals_per_day=1, terminal_compromise_days=6
    ),
)


@pytest.fixture
def stage(tmp_path):
    return PaymentsStage(tmp_path)


@pytest.fixture
def settings(tmp_path):
    return EnricherSettings(
        bootstrap_servers="memory:1",
        registry_url="http://memory",
        http_port=0,
        state_dir=tmp_path / "state",
        schemas_dir="schemas",
    )


def as_trained():
    """Feature vectors of the same days by training's pass, by transaction id."""
    features, found = _Features(), {}
    for day in range(DAYS):
        drawn = transactions_of_day(WORLD, day)
        reported = np.full(len(drawn), NEVER)
        reports = reports_of_day(WORLD, day, drawn)
        reported[reports.index] = reports.reported_ms
        features.learn(day, drawn, reported)
        for number, vector in enumerate(features.vectors(drawn)):
            found[f"h{day:03d}-{number:06d}"] = dict(zip(FEATURE_NAMES, vector, strict=True))
    return found


def test_decisions_over_history_have_the_features_that_training_computes(stage, settings):
    for row in customers(WORLD):
        stage.row("customers", row)
    sent = 0
    for arrival in history(WORLD, NOW, DAYS):
        if arrival.topic.startswith("payments."):
            sent += arrival.topic == TRANSACTIONS
            stage.send(arrival.topic, arrival.value, headers=((ORIGIN, ORIGIN_HISTORY),))
    first, second = enricher.ahead_of(stage.codecs), scorer.ahead_of(stage.codecs)
    stage.run_history(enricher.spec(settings, stage.codecs, first), enricher.present(stage.broker, first))
    stage.run_history(scorer.spec(stage.codecs, second), scorer.present(stage.broker, second))
    decisions = stage.values(DECISIONS)
    trained = as_trained()
    assert len(decisions) == sent > 300
    assert stage.values(DEAD_LETTERS) == []
    for decision in decisions:
        assert decision["features"] == trained[decision["transaction_id"]]
        assert decision["origin"] == "HISTORY"
        assert decision["joins"][0]["status"] == "MATCHED"
    assert any(decision["features"]["terminal_risk_7d"] > 0 for decision in decisions)


def test_rules_and_a_model_come_into_force_while_it_runs(stage, settings):
    hops = [
        stage.worker(enricher.spec(settings, stage.codecs)),
        stage.worker(scorer.spec(stage.codecs)),
    ]
    decided = []
    for number, publish in enumerate((None, _rules, _model)):
        if publish is not None:
            publish(stage)
        stage.send(TRANSACTIONS, transaction(number))
        turn_until(hops, lambda expected=number + 1: len(stage.values(DECISIONS)) == expected)
        found = {value["transaction_id"]: value for value in stage.values(DECISIONS)}
        decided.append([reason["code"] for reason in found[f"x{number}"]["reasons"]])
    for each in hops:
        each.close()
    assert decided == [["no_rules", "no_model"], ["always", "no_model"], ["always"]]
    assert len(stage.values(ALERTS)) == 3


def transaction(number):
    return {
        "transaction_id": f"x{number}",
        "tenant": "default",
        "customer_id": "c000001",
        "card_id": "k000001",
        "terminal_id": "t000001",
        "amount_minor": 1000,
        "currency": "EUR",
        "entry_mode": "CHIP",
        "event_time": NOW,
    }


def _rules(stage):
    rule = {"code": "always", "when": "amount_minor > 0", "outcome": "REVIEW", "text": "It is always so."}
    stage.send("platform.rules.v1", {"rule_set_version": "v1", "event_time": NOW, "rules": [rule]})


def _model(stage):
    rng = np.random.default_rng(1)
    vectors, frauds = rng.normal(size=(400, len(FEATURE_NAMES))), rng.random(400) < 0.1
    payload = fit(vectors, frauds, dataclasses.replace(TreeParameters(), trees=3), Thresholds(1.0, 1.0))
    stage.send("platform.models.v1", TrainedModel(payload.canonical(), {}).as_record(NOW))
