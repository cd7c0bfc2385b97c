"""Finds the checkpoint that a window's next job goes on from.

A job writes `<folder>/<window>/<job id>/chk-<n>`; only one whose `_metadata` is there is complete. A
cancelled or lost job leaves its own behind, so the newest over all job ids counts.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Checkpoint(NamedTuple):
    """A complete checkpoint; a larger one is newer. `rank` is its job's place among the window's jobs."""

    rank: int
    written_ns: int
    number: int
    path: Path


def folder(checkpoints_dir: Path, window: str) -> Path:
    """Return the folder of one window's checkpoints."""
    return checkpoints_dir / window


def newest(window_folder: Path, jobs: Sequence[str | None] = ()) -> Path | None:
    """Return the newest complete checkpoint in a window's folder, None when there is none.

    `jobs` are the window's, oldest first: the last that has a checkpoint decides, and of one job the highest
    number, whatever the clock did. Jobs that are not among them count as newer, by their files' time.
    """
    rank = {job: place for place, job in enumerate(jobs)}
    found = []
    for metadata in window_folder.glob("*/chk-*/_metadata"):
        path = metadata.parent
        known = rank.get(path.parent.name)
        found.append(
            Checkpoint(
                len(jobs) if known is None else known,
                metadata.stat().st_mtime_ns if known is None else 0,
                int(path.name.removeprefix("chk-")),
                path,
            )
        )
    return max(found).path if found else None


def forget(window_folder: Path) -> None:
    """Delete every checkpoint of a window: its tables were dropped, and none of them fits the new ones."""
    if window_folder.is_dir():
        shutil.rmtree(window_folder)


def forget_others(window_folder: Path, kept: Path) -> None:
    """Delete what jobs before the one that wrote `kept` left behind; nobody goes on from it again."""
    for job in window_folder.iterdir():
        if job.is_dir() and job != kept.parent:
            shutil.rmtree(job, ignore_errors=True)
