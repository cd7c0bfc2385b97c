"""`kapstan replay SERVICE` is `kapstan replay run SERVICE`; list, status and drop are told apart from it."""

from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from cli import connection, replay
from local.stack import Stack
from replay.kept import Replay
from replay.perform import kept
from replay.targets import Target
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.replay.plan import ReplayPlan
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from streamkit.testing.registry import MemoryRegistry
from streamkit.topics_apply import Platform

A = TopicPartition("in", 0)


@pytest.fixture
def run(monkeypatch, tmp_path):
    broker = MemoryBroker()
    platform = Platform(broker, broker.admin(), MemoryRegistry().client(), ManualClock())

    @contextmanager
    def connected(home, port_base):
        with connection.messages():
            yield platform

    monkeypatch.setattr(replay, "connected", connected)
    plan = ReplayPlan("enricher", Positions(), Positions({A: 4}, {"in": "id"}), ("out",))
    made = Replay("one", Target("enricher", "transform", ("in",), ("out",)), plan, made_ms=1)
    kept(Stack.at(tmp_path, 40000)).keep(made)
    broker.create_topic("one.out", 1)
    broker.group("one.enricher").offsets[A] = 1

    def run(*arguments):
        where = ("--home", str(tmp_path), "--port-base", "40000")
        done = CliRunner().invoke(replay.replay, [*arguments, *where])
        return done.exit_code, done.output

    run.broker = broker
    return run


@pytest.mark.parametrize("arguments", [("enricher",), ("run", "enricher"), ("--sides", "latest", "enricher")])
def test_a_service_is_run(monkeypatch, run, arguments):
    asked = []

    def prepare_all(stack, platform, request, *rest):
        asked.append(request.what)
        raise KeyboardInterrupt

    monkeypatch.setattr("replay.chain.prepare_all", prepare_all)
    monkeypatch.setattr("cli.lake.answering_lake", lambda stack: None)
    run(*arguments)
    assert asked == ["enricher"]


def test_replays_are_listed_shown_and_dropped(run):
    code, said = run("list")
    assert (code, "one" in said, "stopped, 25%" in said) == (0, True, True), said
    code, said = run("status")
    assert (code, "25%: 1 of 4 records" in said) == (0, True), said
    code, said = run("drop", "one")
    assert (code, "one is gone: 1 topics, 1 groups" in said) == (0, True), said
    assert "one.out" not in run.broker.admin().topics()
    code, said = run("drop", "one")
    assert (code, "there is no replay one" in said) == (1, True), said
