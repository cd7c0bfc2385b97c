"""What `kapstan audit` compares, and what it says of the rest; the comparison itself is a stand-in."""

from contextlib import ExitStack, contextmanager

import pytest
import typer

from audit.report import Report
from audit.run import Stores
from cli import audit as module
from local.stack import Stack
from local.status import Status


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """Open the sinks' stores of a stack where no store answers and the given parts have the given states."""
    for name in ("KAPSTAN_CATALOG_URI", "KAPSTAN_OPENSEARCH_URL", "KAPSTAN_FLINK_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "http_missing", lambda port, _path: f"no answer on port {port}")

    def run(**states):
        parts = [Status(name, state, "", None, 0, 0, {}, "") for name, state in states.items()]
        monkeypatch.setattr(module, "status", lambda _stack: parts)
        stores = Stores(None, None, None, None)
        with ExitStack() as closing:
            module.open_sinks(Stack(tmp_path, 41000), stores, closing)
        return stores

    return run


def test_stores_that_were_left_out_are_told_and_no_fault(opened):
    stores = opened(seaweedfs="stopped", lake_sink="stopped")
    assert stores.skipped == [
        "bronze: seaweedfs does not run",
        "windows: flink does not run",
        "opensearch: opensearch does not run",
    ]
    assert stores.unanswered == []


@pytest.mark.parametrize("state", ["ready", "starting", "unready", "failed"])
@pytest.mark.parametrize(
    ("part", "store"),
    [
        ("seaweedfs", "bronze"),
        ("lake_sink", "bronze"),
        ("opensearch", "opensearch"),
        ("search_sink", "opensearch"),
        ("flink", "windows"),
        ("flink_taskmanager", "windows"),
    ],
)
def test_a_store_whose_part_or_sink_should_run_has_to_answer(opened, part, store, state):
    stores = opened(**{part: state})
    (found,) = stores.unanswered
    assert found.startswith(f"{store}: no answer on port 41")
    assert f"though {part} is {state};" in found
    assert len(stores.skipped) == 2


@pytest.fixture
def audited(monkeypatch):
    """Stands in for the comparison; returns the ledgers it was given."""
    asked = []

    @contextmanager
    def connected(*_):
        yield None

    def audited(_stack, _platform, *, ledger, **_others):
        asked.append(ledger)
        return Report([], [])

    monkeypatch.setattr(module, "connected", connected)
    monkeypatch.setattr(module, "audited", audited)
    return asked


def test_a_ledger_that_was_named_has_to_be_there(audited, tmp_path):
    with pytest.raises(typer.BadParameter, match=r"there is no file .*typo\.jsonl.*leave --ledger out"):
        module.audit(ledger=tmp_path / "typo.jsonl", home=tmp_path)
    assert audited == []
    (tmp_path / "ledger.jsonl").touch()
    module.audit(ledger=tmp_path / "ledger.jsonl", home=tmp_path)
    module.audit(home=tmp_path)
    assert audited == [tmp_path / "ledger.jsonl", None]
