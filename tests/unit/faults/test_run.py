"""One schedule, on a stage that is none: which outcome follows from what is found."""

import time
from types import SimpleNamespace

import pytest

from tests.faults import run
from tests.faults.errors import NotShownError, SilentError, StageError
from tests.faults.judge import Found
from tests.faults.run import ERROR, FAILED, PASSED, perform
from tests.faults.schedule import Schedule, Step

KILL = Step(0.0, "kill", "enricher")


class Fault:
    def __init__(self, step, calls, shown=None):
        self.step, self.calls, self.problem = step, calls, shown

    def apply(self, stage):
        self.calls.append(("apply", self.step.victim))
        stage.begun[self.step.victim] = time.time()

    def heal(self, stage):
        self.calls.append(("heal", self.step.victim))

    def shown(self, stage):
        if self.problem:
            raise self.problem
        return f"{self.step.victim} was hit"


class Stage:
    serving = ("enricher",)
    kind = "core"

    def __init__(self):
        self.begun = {}

    def ready(self, name):
        pass

    def until(self, done, seconds, otherwise):
        if not done():
            raise StageError(otherwise)


class World:
    """Fakes of everything that a schedule takes."""

    def __init__(self):
        self.calls = []
        self.shown = None
        self.resumed_after = 1.0
        self.report = {"agrees": True, "lost": 0, "doubled": 0}
        self.report |= {"stores": [{"store": "bronze", "expected": 9, "examples": []}], "effects": []}
        self.report |= {"behind": [], "unanswered": []}
        self.found = Found(compared=10)
        self.stage = Stage()
        self.traffic = SimpleNamespace(start=lambda: None, stop=lambda: 7)
        watch = SimpleNamespace(decided_since=lambda since: since + self.resumed_after)
        self.audience = SimpleNamespace(
            watch=watch, audit=lambda wait_s: self.report, judge=lambda wait_s: self.found
        )

    def perform(self, *steps):
        return perform(Schedule(5, steps or (KILL,)), self.stage, self.traffic, self.audience)


@pytest.fixture
def world(monkeypatch):
    made = World()
    monkeypatch.setattr(run, "fault_of", lambda step: Fault(step, made.calls, made.shown))
    monkeypatch.setattr(run.time, "sleep", lambda seconds: None)
    return made


def test_a_schedule_without_a_finding_passes_and_says_what_was_shown(world):
    result = world.perform()
    assert (result.outcome, result.shown, result.acknowledged) == (PASSED, ["enricher was hit"], 7)
    assert (result.seed, result.steps[0]["victim"]) == (5, "enricher")
    assert result.resumed_after_s == 1.0
    assert not result.slow


def test_faults_begin_and_end_in_order(world):
    world.perform(Step(0.0, "zombie", "a", for_s=0.02), Step(0.01, "kill", "b"))
    assert world.calls == [("apply", "a"), ("apply", "b"), ("heal", "b"), ("heal", "a")]


@pytest.mark.parametrize("figure", ["lost", "doubled"])
def test_what_the_audit_finds_fails_it(world, figure):
    world.report |= {
        "agrees": False,
        figure: 2,
        "stores": [{"store": "bronze", "expected": 9, "examples": ["lost t/0/1"]}],
        "behind": ["bronze"],
    }
    result = world.perform()
    assert (result.outcome, getattr(result, figure)) == (FAILED, 2)
    assert result.problems == ["lost t/0/1", "behind: bronze"]


@pytest.mark.parametrize("figure", ["lost", "doubled", "reordered", "wrong_state"])
def test_what_the_judges_find_fails_it(world, figure):
    setattr(world.found, figure, 1)
    world.found.note("here")
    result = world.perform()
    assert (result.outcome, getattr(result, figure), result.problems) == (FAILED, 1, ["here"])


def test_a_schedule_in_which_nothing_was_compared_shows_nothing(world):
    world.found.compared = 0
    assert world.perform().outcome == FAILED


def test_a_fault_that_did_not_take_place_is_an_error(world):
    world.shown = NotShownError("it lives")
    result = world.perform()
    assert (result.outcome, result.problems) == (ERROR, ["a fault did not take place: it lives"])


def test_a_stage_that_broke_is_an_error(world):
    def broken():
        raise StageError("the load has ended")

    world.traffic.start = broken
    assert world.perform().outcome == ERROR


@pytest.fixture
def spent(monkeypatch):
    monkeypatch.setattr(run, "spends", lambda schedule: True)


def test_a_fault_that_only_a_refusal_answers_passes_without_an_audit(world, spent):
    world.audience.audit = None
    result = world.perform()
    assert (result.outcome, result.shown) == (PASSED, ["enricher was hit"])


def test_a_service_that_does_not_refuse_fails_it(world, spent):
    world.shown = SilentError("it went on")
    result = world.perform()
    assert (result.outcome, result.problems) == (FAILED, ["it went on"])


def test_a_store_that_does_not_answer_is_an_error(world):
    world.report["unanswered"] = ["bronze"]
    assert world.perform().outcome == ERROR


def test_a_store_of_the_stage_that_was_not_compared_is_an_error(world):
    world.stage.kind = "views"
    result = world.perform()
    assert (result.outcome, result.problems) == (ERROR, ["not compared: opensearch"])


def test_a_slow_single_kill_is_noted_and_passes(world):
    world.resumed_after = 10.5
    result = world.perform()
    assert (result.outcome, result.slow, result.resumed_after_s) == (PASSED, True, 10.5)
    other = Step(0.0, "zombie", "b")
    assert not world.perform(KILL, other).slow, "only a single kill has a promise"
