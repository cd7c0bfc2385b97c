"""Labels, rules and models as side inputs: broken ones are refused, the last good one stays in force."""

import pytest

from payments.decision import Thresholds
from payments.model import Model, Payload, Tree
from services.fraud_scorer.sides import (
    FRAUD_REPORTS,
    MODELS,
    RULES,
    known,
    labels_input,
    labels_of,
    models_input,
    rules_input,
)
from streamkit.errors import DeadLetterError
from streamkit.records import Record
from streamkit.side import SideView
from tests.support.schema_book import SchemaBook

NOW = 1_790_000_000_000
BOOK = SchemaBook()


def view():
    return SideView(
        [
            labels_input(BOOK.decoder(FRAUD_REPORTS)),
            rules_input(BOOK.decoder(RULES)),
            models_input(BOOK.decoder(MODELS)),
        ]
    )


def put(side, topic, value, offset=0):
    encoded = BOOK.encode(topic, value) if isinstance(value, dict) else value
    side.apply(Record(topic, 0, offset, NOW, b"key", encoded))


def report(number, **changes):
    return {
        "report_id": f"r{number}",
        "tenant": "default",
        "transaction_id": f"x{number}",
        "customer_id": "c1",
        "terminal_id": "t1",
        "transaction_time": NOW + number,
        "event_time": NOW + 1000,
    } | changes


def rules(when="card_known", version="v1"):
    rule = {"code": "a_rule", "when": when, "outcome": "REVIEW", "text": "Because."}
    return {"rule_set_version": version, "event_time": NOW, "rules": [rule]}


def model(value=0.5, **changes):
    tree = Tree(feature=[-1], threshold=[0.0], left=[0], right=[0], value=[value])
    payload = Payload(
        feature_names=["amount_minor"], baseline=0.0, thresholds=Thresholds(0.3, 0.8), trees=[tree]
    ).canonical()
    return {
        "model_hash": Model(payload).hash,
        "event_time": NOW,
        "kind": "boosted-trees.v1",
        "feature_names": ["amount_minor"],
        "payload": payload,
        "metrics": {},
        "thresholds": {"review": 0.3, "decline": 0.8},
    } | changes


def test_before_anything_was_published_nothing_is_known():
    side = view()
    assert known(side) == (None, None)
    assert not labels_of(side, "default", "t1")


def test_reports_gather_per_tenant_and_terminal():
    side = view()
    for offset, value in enumerate([report(1), report(2), report(1), report(3, terminal_id="t2")]):
        put(side, FRAUD_REPORTS, value, offset)
    put(side, FRAUD_REPORTS, report(4, tenant="acme"), 4)
    assert labels_of(side, "default", "t1").known(NOW, NOW + 10, NOW + 1000) == 2
    assert labels_of(side, "default", "t2").known(NOW, NOW + 10, NOW + 1000) == 1
    assert labels_of(side, "acme", "t1").known(NOW, NOW + 10, NOW + 1000) == 1


def test_the_last_rules_and_model_are_in_force():
    side = view()
    put(side, RULES, rules(version="v1"))
    put(side, RULES, rules(version="v2"), 1)
    put(side, MODELS, model(0.5))
    put(side, MODELS, model(0.25), 1)
    now = known(side)
    assert now.rules.version == "v2"
    assert now.model.hash == model(0.25)["model_hash"]


@pytest.mark.parametrize(
    ("topic", "broken", "reason", "problem"),
    [
        (RULES, rules("card_known >", "v2"), "invalid_rules", "Rule set v2 is refused"),
        (RULES, rules("nothing", "v2"), "invalid_rules", "undeclared reference to 'nothing'"),
        (MODELS, model(kind="pickle"), "invalid_model", "its kind is 'pickle'"),
        (MODELS, model(payload=b"{}"), "invalid_model", "Field required"),
        (MODELS, model(model_hash="0" * 64), "invalid_model", "its payload has the hash"),
        (RULES, None, "empty", "no value"),
        (MODELS, b"poison", "no_magic", "wire format"),
    ],
)
def test_a_broken_one_is_refused_and_the_one_before_stays(topic, broken, reason, problem):
    side = view()
    put(side, RULES, rules(version="v1"))
    put(side, MODELS, model())
    before = known(side)
    with pytest.raises(DeadLetterError) as caught:
        put(side, topic, broken, 1)
    assert caught.value.reason == reason
    assert problem in str(caught.value)
    assert known(side) == before
