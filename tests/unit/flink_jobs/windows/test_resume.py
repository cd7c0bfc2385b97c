from pathlib import Path

import pytest

from flink_jobs.windows.errors import StartRefusedError
from flink_jobs.windows.resume import begun_anew, check
from flink_jobs.windows.starts import Point, Start

CHECKPOINT = Path("/checkpoints/sales/job-b/chk-7")
TABLES = {"sales": "1", "sales_late": "2"}
HISTORY = [Start("job-a", None, TABLES), Start("job-b", Point("job-a", 90), TABLES)]


def committed(job, number):
    return {"flink.job-id": job, "flink.max-committed-checkpoint-id": str(number)}


@pytest.mark.parametrize(
    ("checkpoint", "summary"),
    [
        (None, None),
        (CHECKPOINT, None),
        (CHECKPOINT, committed("job-b", 6)),
        (CHECKPOINT, committed("job-b", 7)),
        (CHECKPOINT, committed("job-a", 90)),
    ],
    ids=["nothing yet", "no rows yet", "behind", "level", "nothing since it took over"],
)
def test_may_start(checkpoint, summary):
    check("sales", checkpoint, {"sales": summary}, HISTORY)


def test_a_start_over_into_a_table_with_rows_is_refused():
    with pytest.raises(StartRefusedError, match="sales_late holds rows, but there is no checkpoint"):
        check("sales", None, {"sales": None, "sales_late": committed("job-a", 1)}, HISTORY)


def test_an_older_checkpoint_than_the_tables_last_commit_is_refused():
    with pytest.raises(StartRefusedError, match=r"chk-7 is older than what table sales holds \(checkpoint 8"):
        check("sales", CHECKPOINT, {"sales": committed("job-b", 8)}, HISTORY)


@pytest.mark.parametrize(
    ("checkpoint", "summary"),
    [
        (Path("/checkpoints/sales/job-a/chk-95"), committed("job-b", 1)),
        (CHECKPOINT, committed("job-a", 91)),
        (CHECKPOINT, committed("elsewhere", 1)),
        (CHECKPOINT, {}),
    ],
    ids=["of the job before", "taken over too early", "of nobody's past", "nothing tells"],
)
def test_a_checkpoint_from_which_the_table_does_not_follow_is_refused(checkpoint, summary):
    with pytest.raises(StartRefusedError, match=r"does not go on from what table sales holds.*drop the"):
        check("sales", checkpoint, {"sales": summary}, HISTORY)


def test_tables_that_were_dropped_begin_anew():
    assert begun_anew("sales", {"sales": "3", "sales_late": "4"}, HISTORY)
    assert not begun_anew("sales", TABLES, HISTORY)
    assert not begun_anew("sales", TABLES, [])


def test_one_dropped_table_of_two_is_refused():
    with pytest.raises(StartRefusedError, match="table sales was dropped, table sales_late was not"):
        begun_anew("sales", TABLES | {"sales": "3"}, HISTORY)
