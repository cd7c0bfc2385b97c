"""Schedules: a seed means the same thing always."""

from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.faults.faults import KINDS, fault_of
from tests.faults.schedule import Kind, Schedule, Step, draw, moments, schedules
from tests.faults.stages import PARTS, stage_of

QUICK = Kind("quick", {"a": ("",), "b": ("",), "c": ("x", "y")}, overlaps=True)
LONG = Kind("long", {"a": ("",), "d": ("",)}, (2.0, 3.0))
LONELY = Kind("lonely", {"a": ("",)}, alone=True)

seeds = st.integers(0, 10**6)


@given(seed=seeds)
def test_a_seed_gives_the_same_schedule_every_time(seed):
    assert draw(seed, KINDS) == draw(seed, KINDS)


@given(seed=seeds)
def test_a_schedule_has_one_to_three_steps_on_different_victims_in_order(seed):
    steps = draw(seed, KINDS).steps
    assert 1 <= len({step.victim for step in steps}) == len(steps) <= 3
    assert [step.at_s for step in steps] == sorted(step.at_s for step in steps)


@given(seed=seeds)
def test_every_step_is_one_that_its_family_knows(seed):
    known = {kind.name: kind for kind in KINDS}
    for step in draw(seed, KINDS).steps:
        kind = known[step.kind]
        assert step.variant in kind.choices[step.victim]
        shortest, longest = kind.longer_s.get(step.victim, kind.lasts_s)
        assert shortest <= step.for_s <= longest
        fault_of(step)


@given(seed=seeds)
def test_all_victims_of_a_schedule_stand_on_one_stage(seed):
    schedule = draw(seed, KINDS)
    assert all(stage_of([step.victim]) in (schedule.stage, "core") for step in schedule.steps)


def test_a_part_beside_the_core_falls_together_with_one_of_the_core():
    together = {
        frozenset(stage_of([step.victim]) for step in draw(seed, KINDS).steps) for seed in range(1000)
    }
    assert {frozenset({"core", kind}) for kind in PARTS} <= together | {frozenset({"core"})}


@given(seed=seeds)
def test_steps_that_wait_for_the_stage_follow_each_other(seed):
    steps = draw(seed, [QUICK, LONG]).steps
    if any(step.kind == "long" for step in steps):
        for before, after in pairwise(steps):
            assert after.at_s >= round(before.at_s + before.for_s, 1)


@given(seed=seeds)
def test_a_fault_that_is_alone_has_no_company(seed):
    schedule = draw(seed, [QUICK, LONELY])
    assert "lonely" not in schedule.kinds or len(schedule.steps) == 1


def test_a_thousand_seeds_meet_every_variant_of_every_fault():
    met = {(s.kind, s.victim, s.variant) for seed in range(1000) for s in draw(seed, KINDS).steps}
    wanted = {(k.name, v, each) for k in KINDS for v, variants in k.choices.items() for each in variants}
    # Crash points are many; each family, victim and nearly every variant is met.
    assert {each[:2] for each in wanted} == {each[:2] for each in met}
    assert len(wanted - met) < len(wanted) / 20


def test_a_family_that_is_added_takes_some_seeds_over_and_leaves_the_others():
    for seed in range(200):
        before, after = draw(seed, [QUICK, LONG]), draw(seed, [QUICK, LONG, LONELY])
        assert before == after or "lonely" in after.kinds


def test_families_come_as_often_as_their_weights_say():
    often, seldom = Kind("often", {"a": ("",)}, alone=True, weight=4), LONELY
    drawn = [draw(seed, [often, seldom]).steps[0].kind for seed in range(600)]
    assert 0.7 < drawn.count("often") / len(drawn) < 0.9


def test_a_family_alone_has_the_seeds_it_has_among_all():
    only = list(islice(schedules(1, KINDS, frozenset({"kill"})), 5))
    assert all(schedule.kinds == {"kill"} for schedule in only)
    assert [draw(schedule.seed, KINDS) for schedule in only] == only


def test_each_step_begins_and_ends_and_what_ends_goes_before_what_begins():
    steps = (Step(1.0, "long", "a", for_s=2.0), Step(3.0, "quick", "b"))
    order = [(moment.step, moment.begins) for moment in moments(Schedule(0, steps))]
    assert order == [(0, True), (0, False), (1, True), (1, False)]


def test_only_one_kill_of_one_part_has_a_promise_of_time():
    kill, other = Step(1.0, "kill", "a"), Step(1.0, "zombie", "b")
    assert Schedule(0, (kill,)).single_kill
    assert not Schedule(0, (other,)).single_kill
    assert not Schedule(0, (kill, other)).single_kill


def test_a_step_says_what_it_is():
    assert str(Step(1.5, "crash", "enricher", "p:1", 2.0)) == "crash enricher p:1 at 1.5 s for 2 s"
    assert str(Step(1.0, "kill", "kafka")) == "kill kafka at 1 s"
