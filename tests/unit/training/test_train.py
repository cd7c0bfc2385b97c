"""Training as a whole, on a small world: cached, repeatable, useful."""

import json

import pytest

from payments.simulator import WorldParameters
from training.parameters import TreeParameters
from training.protocol import Protocol
from training.train import fingerprint, train

PROTOCOL = Protocol(
    train_start=9,
    week=4,
    top=5,
    world=WorldParameters(
        customers=150,
        terminals=100,
        radius=20,
        compromised_terminals_per_day=1,
        terminal_compromise_days=10,
        report_max_days=4,
    ),
)
PARAMETERS = TreeParameters(trees=15, folds=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def trained(folder):
    return train(folder, protocol=PROTOCOL, parameters=PARAMETERS)


def test_the_model_tells_frauds_from_others(trained):
    assert not trained.from_cache
    assert trained.metrics["auc_roc"] > 0.7
    assert trained.metrics["average_precision"] > 3 * 0.05
    assert "card_precision_at_5" in trained.metrics


def test_the_second_time_it_comes_from_the_cache_unchanged(folder, trained):
    told = []
    again = train(folder, protocol=PROTOCOL, parameters=PARAMETERS, progress=told.append)
    assert again.from_cache
    assert told == []
    assert (again.payload, again.metrics) == (trained.payload, trained.metrics)


def test_a_spoilt_cache_is_trained_anew_to_the_same_model(folder, trained):
    path = folder / "models" / f"{fingerprint(PROTOCOL, PARAMETERS)}.json"
    data = json.loads(path.read_text())
    for broken in ("{", json.dumps(data | {"payload": "{}"}), json.dumps(data | {"model_hash": "0"})):
        path.write_text(broken)
        again = train(folder, protocol=PROTOCOL, parameters=PARAMETERS)
        assert not again.from_cache
        assert again.payload == trained.payload


def test_the_fingerprint_covers_protocol_and_parameters():
    same = fingerprint(PROTOCOL, PARAMETERS)
    assert same == fingerprint(PROTOCOL, PARAMETERS)
    assert same != fingerprint(Protocol(), PARAMETERS)
    assert same != fingerprint(PROTOCOL, TreeParameters(trees=16, folds=2))


def test_the_record_has_what_the_topic_wants(trained):
    record = trained.as_record(1_790_000_000_000)
    assert record["model_hash"] == trained.model.hash
    assert record["payload"] == trained.payload
    assert set(record["thresholds"]) == {"review", "decline"}
    assert all(isinstance(value, float) for value in record["metrics"].values())
