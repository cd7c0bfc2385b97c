"""The scorer's step over in-memory state and side views."""

import pytest

from payments.decision import Thresholds
from payments.features import FEATURE_NAMES
from payments.model import Model, Payload, Tree
from payments.windows import DAY_MS
from services.fraud_scorer.score import ALERTS, DECISIONS, INPUT, Score
from services.fraud_scorer.sides import (
    FRAUD_REPORTS,
    MODELS,
    RULES,
    labels_input,
    models_input,
    rules_input,
)
from streamkit.headers import EVENT_ID, SOURCE
from streamkit.records import Output, Record, Rejected
from streamkit.side import SideView
from streamkit.state import PartitionState
from tests.support.schema_book import SchemaBook

NOW = 1_790_000_000_000
BOOK = SchemaBook()
HEADERS = ((EVENT_ID, b"x1"), (SOURCE, b"payments.transactions.v1@id/0/7"))
JOINS = [{"name": "customers", "status": "MATCHED", "offset": 4}]
# Score 0.5 at up to 100.00, 0.88 above.
TREE = Tree(
    feature=[0, -1, -1],
    threshold=[10_000.0, 0.0, 0.0],
    left=[1, 0, 0],
    right=[2, 0, 0],
    value=[0.0, 0.0, 2.0],
)
PAYLOAD = Payload(
    feature_names=["amount_minor"], baseline=0.0, thresholds=Thresholds(0.6, 0.95), trees=[TREE]
).canonical()
RULE = {
    "code": "blocked",
    "when": "card_status == 'blocked'",
    "outcome": "DECLINE",
    "text": "The card is blocked.",
}


def enriched(number=1, **changes):
    return {
        "transaction_id": f"x{number}",
        "tenant": "default",
        "customer_id": "c1",
        "card_id": "k1",
        "terminal_id": "t1",
        "amount_minor": 1000,
        "currency": "EUR",
        "entry_mode": "CHIP",
        "event_time": NOW,
        "origin": "LIVE",
        "customer": {"segment": "retail", "home_x": 1.0, "home_y": 2.0, "credit_limit_minor": 900},
        "card": {"status": "active", "expires_on": 30_000},
        "terminal": {
            "merchant_name": "Harbour Books",
            "category": "books",
            "country": "FR",
            "x": 3.0,
            "y": 4.0,
        },
        "customer_features": {
            "count_1d": 1,
            "count_7d": 2,
            "count_30d": 3,
            "mean_amount_minor_1d": 1000.0,
            "mean_amount_minor_7d": 2000.0,
            "mean_amount_minor_30d": 500.0,
        },
        "joins": JOINS,
        "side_positions": {"cdc.bank.customers-0": 5},
    } | changes


def record(value, key=b"t1", offset=0):
    encoded = BOOK.encode(INPUT, value) if isinstance(value, dict) else value
    return Record(INPUT, 0, offset, NOW, key, encoded, HEADERS)


def put(side, topic, value, offset=0):
    side.apply(Record(topic, 0, offset, NOW, b"key", BOOK.encode(topic, value)))


@pytest.fixture
def bare():
    """A side view before anything was published."""
    return SideView(
        [
            labels_input(BOOK.decoder(FRAUD_REPORTS)),
            rules_input(BOOK.decoder(RULES)),
            models_input(BOOK.decoder(MODELS)),
        ]
    )


@pytest.fixture
def side(bare):
    put(bare, RULES, {"rule_set_version": "v7", "event_time": NOW, "rules": [RULE]}, 2)
    put(
        bare,
        MODELS,
        {
            "model_hash": Model(PAYLOAD).hash,
            "event_time": NOW,
            "kind": "boosted-trees.v1",
            "feature_names": ["amount_minor"],
            "payload": PAYLOAD,
            "metrics": {},
            "thresholds": {"review": 0.6, "decline": 0.95},
        },
        8,
    )
    return bare


@pytest.fixture
def step():
    return Score(BOOK.decoder(INPUT), BOOK.encoder(DECISIONS), BOOK.encoder(ALERTS))


def run(step, side, *records, state=None):
    return list(step(records, side, state if state is not None else PartitionState()))


def decision(output):
    assert isinstance(output, Output), output
    assert output.name == "decisions"
    return BOOK.decode(DECISIONS, output.value)


def test_an_approval_is_a_decision_with_everything_that_led_to_it(step, side):
    (output,) = run(step, side, record(enriched()))
    value = decision(output)
    features = value.pop("features")
    assert value == {
        "transaction_id": "x1",
        "tenant": "default",
        "customer_id": "c1",
        "card_id": "k1",
        "terminal_id": "t1",
        "merchant_name": "Harbour Books",
        "category": "books",
        "country": "FR",
        "amount_minor": 1000,
        "currency": "EUR",
        "event_time": NOW,
        "origin": "LIVE",
        "outcome": "APPROVE",
        "score": 0.5,
        "reasons": [],
        "credit_limit_minor": 900,
        "model_hash": value["model_hash"],
        "rule_set_version": "v7",
        "joins": JOINS,
        "side_positions": {"cdc.bank.customers-0": 5, "platform.rules.v1-0": 3, "platform.models.v1-0": 9},
    }
    assert len(value["model_hash"]) == 64
    assert set(features) == set(FEATURE_NAMES)
    assert (features["customer_count_7d"], features["amount_ratio_30d"]) == (2.0, 2.0)


def test_a_decision_is_keyed_by_customer_and_carries_identity(step, side):
    (output,) = run(step, side, record(enriched()))
    assert (output.key, output.timestamp_ms, output.headers) == (b"c1", NOW, HEADERS)


def test_what_is_not_approved_is_an_alert_right_behind_its_decision(step, side):
    first, second = run(step, side, record(enriched(amount_minor=10_001)))
    alert = BOOK.decode(ALERTS, second.value)
    assert (first.name, second.name, second.key) == ("decisions", "alerts", b"c1")
    assert decision(first)["outcome"] == alert["outcome"] == "REVIEW"
    assert alert["reasons"] == [
        {"code": "model_review", "text": "The model's score 0.881 is at or above 0.600."}
    ]


def test_rules_and_model_are_both_reasons(step, side):
    card = {"status": "blocked", "expires_on": None}
    first, _ = run(step, side, record(enriched(amount_minor=10_001, card=card)))
    assert decision(first)["outcome"] == "DECLINE"
    assert [reason["code"] for reason in decision(first)["reasons"]] == ["blocked", "model_review"]


def test_without_rules_and_model_everything_is_reviewed_at_once(step, bare):
    first, second = run(step, bare, record(enriched()))
    value = decision(first)
    assert second.name == "alerts"
    assert (value["outcome"], value["score"]) == ("REVIEW", 0.0)
    assert (value["model_hash"], value["rule_set_version"]) == ("", "")
    assert [reason["code"] for reason in value["reasons"]] == ["no_rules", "no_model"]


def test_unknown_customer_card_and_terminal_still_get_a_decision(step, side):
    (output,) = run(step, side, record(enriched(customer=None, card=None, terminal=None)))
    value = decision(output)
    assert (value["merchant_name"], value["category"], value["country"]) == (None, None, None)
    assert value["credit_limit_minor"] is None


def test_terminal_windows_look_seven_days_back_and_count_reported_frauds(step, side):
    state = PartitionState()
    for number, days in enumerate((0, 1, 2)):
        run(step, side, record(enriched(number, event_time=NOW + days * DAY_MS)), state=state)
    report = {
        "report_id": "r1",
        "tenant": "default",
        "transaction_id": "x1",
        "customer_id": "c1",
        "terminal_id": "t1",
        "transaction_time": NOW + DAY_MS,
        "event_time": NOW + 3 * DAY_MS,
    }
    put(side, FRAUD_REPORTS, report)
    (output,) = run(step, side, record(enriched(9, event_time=NOW + 9 * DAY_MS)), state=state)
    features = decision(output)["features"]
    assert [features[f"terminal_count_{days}d"] for days in (1, 7, 30)] == [1, 3, 3]
    assert [features[f"terminal_risk_{days}d"] for days in (1, 7, 30)] == [0.0, 1 / 3, 1 / 3]


def test_tenants_share_no_terminal_window(step, side):
    state = PartitionState()
    run(step, side, record(enriched(1)), state=state)
    later = NOW + 8 * DAY_MS
    (output,) = run(step, side, record(enriched(2, tenant="acme", event_time=later)), state=state)
    assert decision(output)["features"]["terminal_count_30d"] == 0


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (record(None), "empty"),
        (record(b"\x01poison"), "no_magic"),
        (record(enriched(), key=b"t2"), "wrong_key"),
        (record(enriched(), key=None), "wrong_key"),
        (record(enriched(event_time=-1)), "out_of_range"),
        (record(enriched(event_time=2**63 - 1)), "out_of_range"),
    ],
)
def test_what_is_no_enriched_transaction_is_put_aside_and_the_others_go_on(step, side, bad, reason):
    found = run(step, side, record(enriched(8)), bad, record(enriched(9)))
    rejected = [one for one in found if isinstance(one, Rejected)]
    assert [(one.reason, one.record) for one in rejected] == [(reason, bad)]
    assert [decision(one)["transaction_id"] for one in found if isinstance(one, Output)] == ["x8", "x9"]


def test_batches_do_not_change_the_outcome(step, side):
    records = [
        record(enriched(number, event_time=NOW + number * DAY_MS // 3, amount_minor=number * 700))
        for number in range(60)
    ]
    outcomes = []
    for size in (1, 7, 60):
        state = PartitionState()
        found = [
            one.value
            for at in range(0, len(records), size)
            for one in step(records[at : at + size], side, state)
        ]
        outcomes.append((found, dict(state.changes)))
    assert outcomes[0] == outcomes[1] == outcomes[2]
