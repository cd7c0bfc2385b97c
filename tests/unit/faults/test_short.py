"""The short set meets every family of faults."""

from tests.faults.faults import KINDS
from tests.faults.run import spends
from tests.faults.schedule import draw
from tests.faults.short import SEEDS


def test_every_family_is_met():
    assert {kind for seed in SEEDS for kind in draw(seed, KINDS).kinds} == {kind.name for kind in KINDS}


def test_what_spends_a_stage_comes_last():
    spent = [spends(draw(seed, KINDS)) for seed in SEEDS]
    assert spent == sorted(spent)


def test_it_stays_short():
    steps = [step for seed in SEEDS for step in draw(seed, KINDS).steps]
    assert len(SEEDS) <= 13
    assert sum(step.at_s + step.for_s for step in steps) <= 90
