"""Preparing a replay over a broker in memory: its plan is kept, its topics are made, and once only."""

import pytest

from replay.errors import ReplayRefusedError
from replay.perform import prepare
from replay.watch import Watch
from services.enricher.enrich import ENRICHED, INPUT
from streamkit.codecs import DEAD_LETTERS
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from tests.support.payments_stage import PaymentsStage

A = TopicPartition(INPUT, 0)


@pytest.fixture
def stage(tmp_path):
    stage = PaymentsStage(tmp_path)
    for _ in range(5):
        stage.broker.producer().send(INPUT, b"c", b"v", timestamp_ms=1, partition=0)
    stage.broker.group("enricher").offsets[A] = 4
    return stage


@pytest.fixture
def asked(asking):
    return asking(prepare)


def test_a_replay_is_written_down_and_its_topics_are_made(stage, asked):
    replay = asked("enricher", namespace="again")
    assert replay.plan.ends[A] == 4, "where live stands, not where the topic ends"
    assert asked.kept.find("again") == replay
    made = stage.broker.admin().topics([f"again.{ENRICHED}", f"again.{DEAD_LETTERS}"])
    assert [info.partitions for info in made.values()] == [4, 1]
    assert stage.broker.configs([f"again.{ENRICHED}"])[f"again.{ENRICHED}"] == {"retention.ms": "-1"}


def test_the_same_namespace_goes_on_with_its_own_plan(stage, asked):
    first = asked("enricher", namespace="again")
    stage.broker.group("enricher").offsets[A] = 5
    assert asked("enricher", namespace="again") == first
    for options in ({"what": "fraud_scorer"}, {"what": "enricher", "begin": "1"}):
        with pytest.raises(ReplayRefusedError, match="holds a replay of enricher already"):
            asked(namespace="again", **options)


def test_a_namespace_with_topics_of_nobody_is_left_alone(stage, asked):
    stage.broker.create_topic(f"again.{ENRICHED}", 1)
    with pytest.raises(ReplayRefusedError, match="no replay here made it"):
        asked("enricher", namespace="again")


def test_nothing_is_written_down_of_what_is_refused(asked):
    with pytest.raises(ReplayRefusedError):
        asked("enricher", begin="4", namespace="again")
    assert "again" not in asked.kept


def test_inputs_that_do_not_exist_yet_are_left_out(stage, asked):
    stage.broker.delete_topic("cdc.bank.cards")
    assert "cdc.bank.cards" not in asked("lake_sink").target.inputs
    stage.broker.delete_topic(INPUT)
    with pytest.raises(ReplayRefusedError, match=f"there is no topic {INPUT}"):
        asked("enricher")


def test_progress_is_told_from_the_replays_own_offsets(stage, asked):
    replay = asked("enricher", namespace="again")
    told = []
    watch = Watch(stage.broker.admin(), replay, lambda share, detail="": told.append((share, detail)))
    watch()
    stage.broker.group("again.enricher").offsets[A] = 1
    watch()
    assert not watch.reached()
    for tp in replay.plan.ends:
        stage.broker.group("again.enricher").offsets[tp] = replay.plan.ends[tp]
    watch()
    assert watch.reached()
    assert told == [(0.0, "starting"), (0.25, "1 of 4 records"), (1.0, "4 of 4 records")]
    assert replay.plan.starts == Positions(dict.fromkeys(replay.plan.ends, 0))
