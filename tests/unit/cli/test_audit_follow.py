"""`kapstan audit --follow` around rounds that a test makes up."""

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
import typer

from audit.follow import Round
from audit.stores import Difference
from cli import audit_follow as module
from cli.audit_follow import Following

GOOD = Round([Difference("t", "bronze", "kafka", expected=5, found=5)])
BAD = Round([Difference("t", "bronze", "kafka", expected=5, found=4, lost=1, examples=["lost t/0/3"])])


@pytest.fixture
def follow(monkeypatch, tmp_path, capsys):
    """Run with the given rounds, then Ctrl-C; returns (exit code, what was printed)."""

    @contextmanager
    def connected(*_):
        yield SimpleNamespace(broker=None, registry=None)

    def run(*rounds, unanswered=(), **asked):
        left = iter(rounds)

        def round_of(_self):
            for each in left:
                return each
            raise KeyboardInterrupt

        def open_sinks(_stack, stores, _closing):
            stores.unanswered += unanswered

        monkeypatch.setattr(module, "connected", connected)
        monkeypatch.setattr(module, "open_sinks", open_sinks)
        monkeypatch.setattr(module, "PAUSE_S", 0.0)
        monkeypatch.setattr("audit.follow.Follow.round", round_of)
        monkeypatch.setattr(
            "streamkit.health.HealthServer", lambda *_, **__: nullcontext(SimpleNamespace(port=4711))
        )
        options = {"topic": None, "begin": None, "end": None, "content": True, "metrics_port": 0, **asked}
        try:
            module.run(tmp_path, 41000, Following(ledger=tmp_path / "ledger.jsonl", **options))
            code = 0
        except typer.Exit as ended:
            code = ended.exit_code
        return code, capsys.readouterr().out

    return run


def test_while_all_agrees_nothing_is_said_but_the_sum(follow):
    code, said = follow(GOOD, GOOD)
    assert code == 0
    assert "metrics at http://127.0.0.1:4711/metrics" in said
    assert said.splitlines()[-1].startswith("All stores agreed in 2 rounds")
    assert "DIFFERS" not in said


def test_what_differs_is_named_and_ends_in_1(follow):
    code, said = follow(GOOD, BAD)
    assert code == 1
    assert "  lost t/0/3" in said.splitlines()
    assert "1 of 2 rounds found a difference" in said


def test_a_store_that_should_answer_and_does_not_is_no_agreement(follow):
    code, said = follow(GOOD, unanswered=["bronze: no answer"])
    assert (code, "Not compared: bronze: no answer" in said) == (1, True)


def test_an_end_makes_no_sense(follow):
    with pytest.raises(typer.BadParameter, match="leave --to out"):
        follow(end="2026-01-31")


def test_offsets_without_their_topic_are_refused(follow):
    with pytest.raises(Exception, match="an offset is a place in one topic"):
        follow(begin="5")
