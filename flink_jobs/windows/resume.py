"""Decides from where a job may start, so that its tables neither lose nor repeat a row."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from flink_jobs.windows.errors import StartRefusedError
from flink_jobs.windows.starts import Point, Start, goes_on_from

JOB_ID = "flink.job-id"
COMMITTED = "flink.max-committed-checkpoint-id"
_ANEW = "or drop the window's two tables and apply it again, which computes them anew from the log"

Summary = Mapping[str, str]


def check(
    window: str, checkpoint: Path | None, committed: Mapping[str, Summary | None], history: Sequence[Start]
) -> None:
    """Raise StartRefusedError when a start from `checkpoint` would leave the tables wrong.

    Iceberg's sink drops, without a word, what a job commits a second time (apache/iceberg 10892, 18098), and
    writes again what another job has committed: so the checkpoint must hold all that the tables do.

    Args:
        window: its name, for the message.
        checkpoint: `.../<job id>/chk-<n>`, or None for a start from the beginning of the log.
        committed: for each table, the summary of the newest snapshot that a job wrote: None when it has
            no snapshot at all, empty when none that it still has is a job's.
        history: the window's submissions, oldest first.
    """
    for table, summary in committed.items():
        if summary is None:
            continue
        if checkpoint is None:
            raise StartRefusedError(
                f"window {window}: table {table} holds rows, but there is no checkpoint to go on from;"
                " a start from the beginning would write them again. Bring the folder of checkpoints back;"
                f" {_ANEW}"
            )
        last = Point(summary.get(JOB_ID, "unknown"), int(summary.get(COMMITTED, 0)))
        point = Point.of(checkpoint)
        if last.job == point.job and last.number > point.number:
            raise StartRefusedError(
                f"window {window}: {checkpoint} is older than what table {table} holds (checkpoint"
                f" {last.number} of the same job). Bring the newer checkpoint back; {_ANEW}"
            )
        if not goes_on_from(point, last, history):
            raise StartRefusedError(
                f"window {window}: {checkpoint} does not go on from what table {table} holds (checkpoint"
                f" {last.number} of job {last.job}); rows since then would be written again. Bring that job's"
                f" newest checkpoint back; {_ANEW}"
            )


def begun_anew(window: str, tables: Mapping[str, str], history: Sequence[Start]) -> bool:
    """Whether the window's tables (by their ids) were dropped since its last job wrote them.

    No checkpoint fits the new ones: the job must begin with the log's oldest record.

    Raises:
        StartRefusedError: one of them was dropped, the other was not.
    """
    before = history[-1].tables if history else {}
    changed = [table for table, uuid in tables.items() if before.get(table, uuid) != uuid]
    if changed and len(changed) < len(tables):
        (kept,) = tables.keys() - set(changed)
        raise StartRefusedError(
            f"window {window}: table {', '.join(changed)} was dropped, table {kept} was not; the rows of both"
            f" come from one job. Drop {kept} too and apply the window again, which computes both anew"
        )
    return bool(changed)
