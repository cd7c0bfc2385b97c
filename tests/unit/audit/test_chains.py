"""A part of the log whose events and effects do not lie beside each other."""

import pytest

from audit.part import Part, part_of
from audit.plan import DEAD_LETTERS, DECISIONS, ENRICHED, TRANSACTIONS
from replay.bounds import Bound
from replay.errors import ReplayRefusedError
from streamkit.catalogue import Catalogue
from tests.support.audits import World

HOUR_MS = 3_600_000
LATE = Part(begin=Bound(time_ms=100 * HOUR_MS))


@pytest.fixture
def world(pytestconfig):
    """What is there already was ingested at 0 ms; the part that is audited begins 100 hours later."""
    return World(Catalogue.load(pytestconfig.rootpath / "schemas"))


def decide(world, event, ms):
    """An event with its decision."""
    for topic in (TRANSACTIONS, DECISIONS):
        world.send(topic, event, ms=ms)


def audit(world, part=LATE):
    world.read_by_groups()
    report = world.audit(part=part)
    (effects,) = report.effects
    return effects, report


def test_only_the_part_is_compared(world):
    decide(world, 50, 101 * HOUR_MS)
    effects, report = audit(world)
    assert report.agrees, list(report.lines())
    assert (effects.events, effects.lost, effects.doubled) == (1, 0, 0)
    assert {each.expected for each in report.differences} == {0, 1}
    assert audit(world, Part(end=Bound(time_ms=HOUR_MS)))[0].events == 6


def test_what_is_lost_in_a_part_is_found(world):
    world.send(TRANSACTIONS, 50, ms=101 * HOUR_MS)
    effects, _ = audit(world)
    assert (effects.lost, effects.examples) == (1, [f"no effect of {TRANSACTIONS}/0/6"])


def test_an_effect_may_stand_behind_the_end_of_the_part(world):
    """A worker that lagged wrote it after effects of later events."""
    world.send(TRANSACTIONS, 50, ms=101 * HOUR_MS)
    world.send(TRANSACTIONS, 51, ms=103 * HOUR_MS)
    world.send(DECISIONS, 51, ms=103 * HOUR_MS)
    world.send(DECISIONS, 50, ms=101 * HOUR_MS)
    effects, report = audit(world, Part(begin=LATE.begin, end=Bound(time_ms=102 * HOUR_MS)))
    assert report.agrees, list(report.lines())
    assert effects.events == 1
    world.send(DECISIONS, 50, ms=101 * HOUR_MS)
    effects, _ = audit(world, Part(begin=LATE.begin, end=Bound(time_ms=102 * HOUR_MS)))
    assert effects.doubled == 1


@pytest.mark.parametrize("hours", [0.1, 0.9, 23])
def test_what_was_sent_before_the_part_and_again_in_it_is_a_repeat(world, hours):
    decide(world, 50, int((101 - 1 - hours) * HOUR_MS))
    world.send(TRANSACTIONS, 50, ms=101 * HOUR_MS)
    effects, report = audit(world, Part(begin=Bound(time_ms=int(100.5 * HOUR_MS))))
    assert report.agrees, list(report.lines())
    assert (effects.events, effects.repeats, effects.lost) == (0, 1, 0)


def test_an_effect_of_days_ago_answers_no_event_of_today(world, monkeypatch):
    decide(world, 50, 50 * HOUR_MS)
    world.send(TRANSACTIONS, 50, ms=101 * HOUR_MS)
    assert audit(world)[0].lost == 1
    monkeypatch.setattr("audit.chains.LOOK_BACK_MS", (60 * HOUR_MS,))
    assert audit(world)[0].lost == 0


def test_a_second_effect_of_an_earlier_event_is_doubled(world):
    """What a zombie writes late: its event was audited in a round before."""
    decide(world, 50, 101 * HOUR_MS)
    world.read_by_groups()
    after = {}
    for topic in (TRANSACTIONS, ENRICHED, DECISIONS, DEAD_LETTERS):
        after.update(world.ends(topic))
    world.send(DECISIONS, 50, ms=101 * HOUR_MS)
    effects, _ = audit(world, Part(after=after))
    assert (effects.events, effects.doubled) == (0, 1)


def test_offsets_of_one_topic_select_the_same_events_in_the_others(world):
    for event in range(50, 55):
        decide(world, event, (100 + event) * HOUR_MS)
    effects, report = audit(world, part_of("7", "9", DECISIONS))
    assert report.agrees, list(report.lines())
    assert effects.events == 2
    assert {each.expected for each in report.differences} == {0, 2}


def test_nothing_to_compare_is_an_error(world):
    for part in (LATE, part_of("77", None, DECISIONS)):
        with pytest.raises(ReplayRefusedError, match="nothing would be compared"):
            audit(world, part)
