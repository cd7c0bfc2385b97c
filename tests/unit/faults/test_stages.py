"""Which stage has the parts that a schedule breaks."""

import pytest

from local.components import components
from tests.faults.faults import KINDS
from tests.faults.parts import CORE
from tests.faults.stages import CHANGES, PARTS, VIEWS, WINDOWS, plays_on, stage_of
from tests.faults.stages import CORE as CORE_STAGE


@pytest.mark.parametrize(
    ("victims", "stage"),
    [
        ([], CORE_STAGE),
        (["kafka", "enricher"], CORE_STAGE),
        (["connect", "postgres", "kafka"], CHANGES),
        (["search_sink"], VIEWS),
        (["flink", "enricher"], WINDOWS),
        (["connect", "flink"], None),
    ],
)
def test_a_stage_has_all_victims_or_there_is_none(victims, stage):
    assert stage_of(victims) == stage


def test_every_victim_runs_on_its_stage():
    known = components()

    def with_needs(names):
        return {*names, *(each for name in names for each in with_needs(known[name].needs))}

    for victim in {victim for kind in KINDS for victim in kind.choices}:
        assert victim in with_needs([*CORE, *PARTS[stage_of([victim])]]), victim


def test_what_the_core_suffices_for_plays_on_every_stage():
    assert all(plays_on(CORE_STAGE, there) for there in PARTS)
    assert plays_on(VIEWS, VIEWS)
    assert not plays_on(VIEWS, CORE_STAGE)
    assert not plays_on(VIEWS, WINDOWS)
