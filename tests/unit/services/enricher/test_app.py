"""The enricher in its loop, over a broker and a registry in memory."""

import pytest

from services.enricher.app import spec
from services.enricher.config import EnricherSettings
from services.enricher.enrich import ENRICHED, INPUT
from streamkit.codecs import DEAD_LETTERS
from tests.support.payments_stage import NOW, PaymentsStage, source_of
from tests.support.workers import turn_until, vanish

CUSTOMER = {"customer_id": "c1", "segment": "retail", "home_x": 1.0, "home_y": 2.0, "credit_limit_minor": 900}


def transaction(number, **changes):
    return {
        "transaction_id": f"x{number}",
        "tenant": "default",
        "customer_id": "c1",
        "card_id": "k1",
        "terminal_id": f"t{number % 3}",
        "amount_minor": 1000,
        "currency": "EUR",
        "entry_mode": "CHIP",
        "event_time": NOW + number,
    } | changes


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


def test_rows_that_change_are_joined_as_they_stand_when_a_transaction_comes(stage, settings):
    stage.row("customers", CUSTOMER)
    worker = stage.worker(spec(settings, stage.codecs))
    stage.send(INPUT, transaction(1))
    turn_until([worker], lambda: len(stage.values(ENRICHED)) == 1)
    stage.row("customers", {**CUSTOMER, "segment": "premium"}, op="u")
    stage.send(INPUT, transaction(2))
    turn_until([worker], lambda: len(stage.values(ENRICHED)) == 2)
    worker.close()
    found = {value["transaction_id"]: value for value in stage.values(ENRICHED)}
    assert [found[f"x{n}"]["customer"]["segment"] for n in (1, 2)] == ["retail", "premium"]
    assert [found[f"x{n}"]["joins"][0]["offset"] for n in (1, 2)] == [0, 1]
    assert found["x2"]["side_positions"] == {"cdc.bank.customers-0": 2}


def test_poison_and_a_row_without_a_key_are_kept_and_the_rest_goes_on(stage, settings):
    stage.row("customers", CUSTOMER)
    stage.send("cdc.bank.customers", {"before": None, "after": None, "op": "u", "ts_ms": NOW})
    stage.send(INPUT, transaction(1))
    stage.send(INPUT, b"poison")
    stage.send(INPUT, transaction(2))
    worker = stage.worker(spec(settings, stage.codecs))
    turn_until([worker], lambda: len(stage.values(ENRICHED)) == 2 and len(stage.values(DEAD_LETTERS)) == 2)
    worker.close()
    letters = {letter["reason"]: letter for letter in stage.values(DEAD_LETTERS)}
    assert set(letters) == {"no_row_key", "no_magic"}
    assert letters["no_row_key"]["field_path"] == "/after/customer_id"
    assert letters["no_magic"]["source_value"] == b"poison"


def test_a_killed_enricher_goes_on_with_its_windows_and_ids(stage, settings):
    for number in range(5):
        stage.send(INPUT, transaction(number))
    first = stage.worker(spec(settings, stage.codecs))
    turn_until([first], lambda: len(stage.values(ENRICHED)) == 5)
    vanish(first)
    stage.broker.expire("enricher", "enricher-0")
    stage.send(INPUT, transaction(3))
    stage.send(INPUT, transaction(5))
    second = stage.worker(spec(settings, stage.codecs))
    turn_until([second], lambda: len(stage.values(ENRICHED)) == 6)
    second.close()
    found = {value["transaction_id"]: value for value in stage.values(ENRICHED)}
    assert [found[f"x{n}"]["customer_features"]["count_30d"] for n in range(6)] == [1, 2, 3, 4, 5, 6]
    assert len({source_of(record) for record in stage.records(ENRICHED)}) == 6
