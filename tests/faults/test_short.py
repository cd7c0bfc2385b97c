"""A fixed list of seeds that meets every family of faults; `./kapstan test faults --seeds N` runs more."""

import pytest

from tests.faults.faults import KINDS
from tests.faults.run import PASSED
from tests.faults.schedule import draw
from tests.faults.short import SEEDS


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_doubled_reordered_or_wrong(theatre, record_property, seed):
    schedule = draw(seed, KINDS)
    result = theatre.perform(schedule)
    record_property("steps", "; ".join(map(str, schedule.steps)))
    record_property("resumed_after_s", result.resumed_after_s)
    assert result.outcome == PASSED, "\n".join([*map(str, schedule.steps), *result.problems])
