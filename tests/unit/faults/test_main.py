"""Results as they are appended and shown."""

import json

import pytest

from tests.faults.__main__ import Writing
from tests.faults.run import ERROR, FAILED, PASSED, Result


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "results.jsonl"


def lines(ledger):
    return [json.loads(line) for line in ledger.read_text().splitlines()]


def test_each_result_is_a_line_with_what_it_is_of(ledger, capsys):
    ledger.write_text("")
    writing = Writing(ledger, "c1", lambda: "p1")
    writing.take(Result(3, [], compared=9))
    writing.take(Result(4, [], outcome=FAILED, lost=2, problems=["lost t/0/1"]))
    first, second = lines(ledger)
    assert (first["seed"], first["commit"], first["product"], first["outcome"]) == (3, "c1", "p1", PASSED)
    assert (second["lost"], second["problems"]) == (2, ["lost t/0/1"])
    assert writing.finish(as_json=False) == 1
    said = capsys.readouterr()
    assert said.out == "schedules 2, lost 2, doubled 0, reordered 0, wrong_state 0\n"
    assert "lost t/0/1" in said.err


def test_the_last_line_may_be_json(ledger, capsys):
    writing = Writing(ledger, "c1", lambda: "p1")
    writing.take(Result(3, []))
    assert writing.finish(as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["schedules"] == 1


def test_a_result_of_code_that_changed_under_it_is_none(ledger):
    products = iter(["p1", "p1", "p2"])
    writing = Writing(ledger, "c1", lambda: next(products))
    writing.take(Result(3, []))
    writing.take(Result(4, []))
    assert [(line["product"], line["outcome"]) for line in lines(ledger)] == [("p1", PASSED), ("p1", ERROR)]
    assert writing.finish(as_json=True) == 1
