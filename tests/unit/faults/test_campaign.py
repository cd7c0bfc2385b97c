"""Schedule after schedule: when a stage is left for a fresh one."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from tests.faults import campaign
from tests.faults.campaign import SCHEDULES_PER_STAGE, Campaign
from tests.faults.run import FAILED, PASSED, Result
from tests.faults.schedule import Schedule


@pytest.fixture
def stages(monkeypatch):
    """Each stage as the list of seeds that were performed on it; seeds below 0 fail."""
    opened = []

    @contextmanager
    def show(port_base, rate, keep):
        opened.append([])
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
