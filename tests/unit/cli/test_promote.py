"""`kapstan replay promote` and `rollback`: what is refused says what to do; what is done is said."""

import json
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from cli import connection, promote
from cli.replay import replay
from local.stack import Stack
from replay.kept import Replay
from replay.perform import kept
from replay.targets import Target
from streamkit.positions import Positions
from streamkit.replay.plan import ReplayPlan

COMMANDS = ("promote", "rollback")


@pytest.fixture
def run(monkeypatch, tmp_path):
    @contextmanager
    def connected(home, port_base):
        with connection.messages():
            yield None

    monkeypatch.setattr(promote, "connected", connected)
    plan = ReplayPlan("s", Positions(), Positions())
    targets = {
        "scored": Target("fraud_scorer", "transform", ("in",), ("out",)),
        "rate": Target("fraud_rate", "window", ("in",)),
        "own": Target("lake_sink", "lake", ("in",)),
        "branch": Target("lake_sink", "lake", ("in",)),
    }
    for name, target in targets.items():
        made = Replay(name, target, plan, made_ms=1, promotable=name == "branch")
        kept(Stack.at(tmp_path, 40000)).keep(made)

    def run(*arguments):
        where = ("--home", str(tmp_path), "--port-base", "40000")
        done = CliRunner().invoke(replay, [*arguments, *where])
        return done.exit_code, " ".join(done.output.split())

    return run


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("name", "why", "remedy"),
    [
        ("scored", "has taken effect", "a topic of their own"),
        ("rate", "Flink's own commits", "kapstan windows apply fraud_rate"),
        ("own", "tables of its own", "Replay again with --promotable"),
        ("other", "there is no replay other", "There are"),
    ],
)
def test_what_is_refused_says_what_to_do(run, command, name, why, remedy):
    code, said = run(command, name)
    assert code == 1
    assert why in said, said
    assert remedy in said, said


class Promoting:
    """Stands in for replay.promote.Promoting."""

    asked = None

    def promote(self, schemas, ask, steps):
        Promoting.asked = ask
        return ["in"]

    def rollback(self):
        return ["in"]


def test_what_was_done_is_said(run, monkeypatch):
    monkeypatch.setattr(promote, "_promoting", lambda *_: Promoting())
    code, said = run("promote", "branch", "--accept-differences", "--wait", "5")
    assert (code, "1 tables promoted" in said, "rollback branch" in said) == (0, True, True), said
    assert (Promoting.asked.accept_differences, Promoting.asked.wait_s) == (True, 5)
    code, said = run("rollback", "branch", "--json")
    assert (code, json.loads(said)) == (0, {"namespace": "branch", "rolled_back": ["in"]})
