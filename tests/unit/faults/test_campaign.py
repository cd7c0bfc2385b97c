"""Schedule after schedule: when a stage is left for a fresh one."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from tests.faults import campaign
from tests.faults.campaign import SCHEDULES_PER_STAGE, Campaign
from tests.faults.run import FAILED, PASSED, Result
from tests.faults.schedule import Schedule, Step


class Opened(list):
    """What was performed on a stage of a kind."""

    def __init__(self, kind):
        self.kind = kind


@pytest.fixture
def stages(monkeypatch):
    """Each stage as the list of seeds that were performed on it; seeds below 0 fail."""
    opened = []

    @contextmanager
    def show(port_base, rate, keep, kind):
        opened.append(Opened(kind))
        yield SimpleNamespace(
            stage=SimpleNamespace(stack=SimpleNamespace(home="/home")), traffic=None, audience=None
        )

    def perform(schedule, *parts):
        opened[-1].append(schedule.seed)
        return Result(schedule.seed, [], outcome=FAILED if schedule.seed < 0 else PASSED)

    monkeypatch.setattr(campaign, "show", show)
    monkeypatch.setattr(campaign, "perform", perform)
    return opened


def run(seeds):
    told = []
    Campaign(0, told.append, lambda text: None).run([Schedule(seed, ()) for seed in seeds])
    return [result.seed for result in told]


def test_schedules_share_a_stage_for_a_while(stages):
    seeds = list(range(SCHEDULES_PER_STAGE + 3))
    assert run(seeds) == seeds
    assert [len(stage) for stage in stages] == [SCHEDULES_PER_STAGE, 3]


def test_a_stage_on_which_one_failed_is_left(stages):
    assert run([1, -2, 3, 4]) == [1, -2, 3, 4]
    assert stages == [[1, -2], [3, 4]]


def test_a_stage_that_was_spent_is_left(stages, monkeypatch):
    monkeypatch.setattr(campaign, "spends", lambda schedule: schedule.seed == 2)
    assert run([1, 2, 3]) == [1, 2, 3]
    assert stages == [[1, 2], [3]]


def test_no_schedules_take_no_stage(stages):
    assert run([]) == []
    assert stages == []


def test_schedules_that_need_other_parts_have_a_stage_of_theirs(stages):
    needs = {1: "connect", 2: "kafka", 3: "flink", 4: "postgres", 5: "enricher"}
    told = []
    schedules = [Schedule(seed, (Step(0.0, "kill", victim),)) for seed, victim in needs.items()]
    Campaign(0, told.append, lambda text: None).run(schedules)
    assert [(stage.kind, list(stage)) for stage in stages] == [
        ("core", [2, 5]),
        ("changes", [1, 4]),
        ("windows", [3]),
    ]
