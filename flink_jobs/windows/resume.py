"""Decides from where a job may start, so that its tables neither lose nor repeat a row."""

from collections.abc import Mapping
from pathlib import Path

from flink_jobs.windows.errors import StartRefusedError

JOB_ID = "flink.job-id"
COMMITTED = "flink.max-committed-checkpoint-id"
_ANEW = "or drop the window's two tables and apply it again, which computes them anew from the log"

Summary = Mapping[str, str]


def check(window: str, checkpoint: Path | None, committed: Mapping[str, Summary | None]) -> None:
    """Raise StartRefusedError when a start from `checkpoint` would leave the tables wrong.

    Args:
        window: its name, for the message.
        checkpoint: `.../<job id>/chk-<n>`, or None for a start from the beginning of the log.
        committed: for each table, the summary of the newest snapshot that a job wrote, None when it has none.
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
        job, number = checkpoint.parent.name, int(checkpoint.name.removeprefix("chk-"))
        # Iceberg's sink drops, without a word, what a job commits a second time (apache/iceberg 10892).
        if summary.get(JOB_ID) == job and int(summary.get(COMMITTED, 0)) > number:
            raise StartRefusedError(
                f"window {window}: {checkpoint} is older than what table {table} holds (checkpoint"
                f" {summary[COMMITTED]} of the same job). Bring the newer checkpoint back; {_ANEW}"
            )
