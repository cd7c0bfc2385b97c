"""A whole audit over a broker in memory, with stores that a test can falsify."""

import numpy as np
import orjson
import pytest

from audit.plan import DECISIONS, TRANSACTIONS
from audit.stores import Holding
from streamkit.catalogue import Catalogue
from streamkit.records import TopicPartition
from tests.support.audits import RECORDS, World


@pytest.fixture(scope="module")
def catalogue(pytestconfig):
    return Catalogue.load(pytestconfig.rootpath / "schemas")


@pytest.fixture
def world(catalogue):
    return World(catalogue)


def ledger(*offsets):
    return [orjson.dumps({"topic": TRANSACTIONS, "partition": 0, "offset": offset}) for offset in offsets]


def found(report, topic, store):
    return next(each for each in report.differences if (each.topic, each.store) == (topic, store))


def test_stores_that_hold_the_same_agree(world):
    report = world.audit(ledger(*range(RECORDS)))
    assert report.agrees
    assert not report.behind
    assert {each.store for each in report.differences} == {"kafka", "bronze", "opensearch"}


def test_an_acknowledged_event_that_kafka_does_not_hold_is_lost(world):
    report = world.audit(ledger(1, RECORDS + 3))
    assert (report.lost, found(report, TRANSACTIONS, "kafka").lost) == (1, 1)


def test_a_row_that_bronze_lacks_or_has_twice_is_found(world):
    (place,) = world.log(DECISIONS)
    world.bronze.holdings[DECISIONS] = {place: Holding.of(np.array([0, 1, 2, 3, 4, 4]))}
    difference = found(world.audit(), DECISIONS, "bronze")
    assert (difference.lost, difference.doubled) == (1, 1)


def test_a_document_that_opensearch_lacks_is_lost(world):
    world.search.holdings[DECISIONS] = {}
    assert found(world.audit(), DECISIONS, "opensearch").lost == RECORDS


def test_heartbeats_are_in_bronze_but_not_in_opensearch(world):
    (place,) = world.log(DECISIONS)
    world.search.holdings[DECISIONS] = world.log(DECISIONS)
    world.send(DECISIONS, 0, heartbeat=True)
    world.read_by_groups()
    assert world.audit().agrees
    world.search.holdings[DECISIONS] = {place: Holding.of(np.arange(RECORDS + 1))}
    assert found(world.audit(), DECISIONS, "opensearch").unexpected == 1


def test_an_event_without_a_decision_is_lost(world):
    world.send(TRANSACTIONS, 77)
    world.read_by_groups()
    (effects,) = world.audit().effects
    assert (effects.lost, effects.examples) == (1, [f"no effect of {TRANSACTIONS}/0/{RECORDS}"])


def test_a_repeat_is_told_from_a_second_decision(world):
    world.send(TRANSACTIONS, 3)
    world.read_by_groups()
    assert (world.audit().repeats, world.audit().doubled) == (1, 0)
    world.send(DECISIONS, 3)
    world.read_by_groups()
    assert (world.audit().repeats, world.audit().doubled) == (1, 1)


def test_an_effect_that_retention_may_have_deleted_is_not_missed(world):
    hour_ms = 3_600_000
    for event, ms in ((10, 1), (11, 2), (12, hour_ms), (13, hour_ms + 3)):
        world.send(TRANSACTIONS, event, ms=ms)
        world.send(DECISIONS, event, ms=ms)
    world.send(TRANSACTIONS, 10, 77, ms=hour_ms + 4)  # one of them a repeat of what is not looked at
    world.read_by_groups()
    world.broker.delete_before(TopicPartition(DECISIONS, 0), RECORDS + 1)
    report = world.audit()
    (effects,) = report.effects
    assert (effects.events, effects.lost) == (2, 1)
    assert effects.examples == [f"no effect of {TRANSACTIONS}/0/{RECORDS + 5}"]
    assert "retention" in report.skipped[0]


def test_nothing_is_missed_of_a_topic_that_retention_has_emptied(world):
    world.send(TRANSACTIONS, 77)
    world.read_by_groups()
    world.broker.delete_before(TopicPartition(DECISIONS, 0), RECORDS)
    assert (world.audit().lost, world.audit().effects[0].events) == (0, 0)


def test_a_store_that_does_not_catch_up_is_named(world):
    world.bronze.late = True
    assert world.audit().behind[0].startswith("bronze of")


def test_a_hop_that_does_not_catch_up_is_named(world):
    world.broker.group("enricher").offsets.clear()
    assert world.audit().behind == [f"enricher on {TRANSACTIONS} by up to {RECORDS} offsets"]


def test_without_a_store_the_others_are_compared(world):
    world.bronze = None
    assert {each.store for each in world.audit().differences} == {"opensearch"}


def test_a_store_that_should_have_answered_is_no_agreement(world):
    world.bronze = None
    assert world.audit(skipped=["bronze: left out"]).agrees
    report = world.audit(unanswered=["bronze: no answer"])
    assert (report.agrees, report.lost, report.unanswered) == (False, 0, ["bronze: no answer"])
