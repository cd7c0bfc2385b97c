from pathlib import Path

import pytest

from flink_jobs.windows import rule
from flink_jobs.windows.config import Settings
from flink_jobs.windows.plan import plan
from tests.faults.controls.split_job import split_by_watermark, views
from tests.support.window_declarations import HOP, SESSION, bound

SETTINGS = Settings(
    bootstrap_servers="127.0.0.1:1",
    registry_url="http://127.0.0.1:2",
    flink_url="http://127.0.0.1:3",
    catalog_uri="http://127.0.0.1:4",
    warehouse="s3://lake",
    s3_endpoint="http://127.0.0.1:5",
    checkpoints_dir=Path("/checkpoints"),
    state_dir=Path("/state"),
    namespace="split",
)


def test_nothing_but_the_split_is_another():
    ours = plan(bound(), SETTINGS)
    theirs = split_by_watermark(ours)
    assert theirs.inserts == ours.inserts
    assert theirs.configuration == ours.configuration
    rules = len(rule.views(bound(), bounded=False))
    assert theirs.setup[:-4] == ours.setup[:-rules]
    assert theirs.setup[-4:] == tuple(views(bound()))


def test_rows_are_told_apart_by_the_watermark_alone():
    split = "\n".join(views(bound()))
    assert "CURRENT_WATERMARK" in split
    assert "OVER" not in split


def test_a_plan_without_the_rule_is_refused():
    theirs = split_by_watermark(plan(bound(), SETTINGS))
    with pytest.raises(ValueError, match="brought up to date"):
        split_by_watermark(theirs)


@pytest.mark.parametrize("assign", [HOP, SESSION])
def test_other_windows_are_refused(assign):
    with pytest.raises(ValueError, match="tumbling"):
        views(bound(assign=assign))
