from pathlib import Path

import pytest

from flink_jobs.windows.errors import StartRefusedError
from flink_jobs.windows.resume import check

CHECKPOINT = Path("/checkpoints/sales/job-a/chk-7")


def committed(job, number):
    return {"flink.job-id": job, "flink.max-committed-checkpoint-id": str(number)}


@pytest.mark.parametrize(
    ("checkpoint", "summary"),
    [
        (None, None),
        (CHECKPOINT, None),
        (CHECKPOINT, committed("job-a", 6)),
        (CHECKPOINT, committed("job-a", 7)),
        (CHECKPOINT, committed("job-b", 90)),
    ],
    ids=["nothing yet", "no rows yet", "behind", "level", "another job's numbers"],
)
def test_may_start(checkpoint, summary):
    check("sales", checkpoint, {"sales": summary})


def test_a_start_over_into_a_table_with_rows_is_refused():
    with pytest.raises(StartRefusedError, match="sales_late holds rows, but there is no checkpoint"):
        check("sales", None, {"sales": None, "sales_late": committed("job-a", 1)})


def test_an_older_checkpoint_than_the_tables_last_commit_is_refused():
    with pytest.raises(StartRefusedError, match=r"chk-7 is older than what table sales holds \(checkpoint 8"):
        check("sales", CHECKPOINT, {"sales": committed("job-a", 8)})
