"""The short set meets every family of faults."""

from tests.faults.faults import KINDS
from tests.faults.run import spends
from tests.faults.schedule import draw
from tests.faults.short import SEEDS
from tests.faults.stages import PARTS, plays_on


def test_every_family_is_met():
    assert {kind for seed in SEEDS for kind in draw(seed, KINDS).kinds} == {kind.name for kind in KINDS}


def test_every_kind_of_stage_is_met_and_made_once():
    """What spends its stage ends it, and needs no other than the one that is there."""
    stages, there = [], None
    for schedule in (draw(seed, KINDS) for seed in SEEDS):
        if there is None or not plays_on(schedule.stage, there):
            there = schedule.stage
            stages.append(there)
        if spends(schedule):
            there = None
    assert sorted(stages) == sorted(PARTS)


def test_it_stays_short():
    steps = [step for seed in SEEDS for step in draw(seed, KINDS).steps]
    assert len(SEEDS) <= 13
    assert sum(step.at_s + step.for_s for step in steps) <= 90
