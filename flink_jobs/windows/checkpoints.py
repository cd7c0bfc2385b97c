"""Finds the checkpoint that a window's next job goes on from.

A job writes `<folder>/<window>/<job id>/chk-<n>`; only one whose `_metadata` is there is complete. A
cancelled or lost job leaves its own behind, so the newest over all job ids counts.
"""

import shutil
from pathlib import Path
from typing import NamedTuple


class Checkpoint(NamedTuple):
    """A complete checkpoint; a larger one is newer."""

    written_ns: int
    number: int
    path: Path


def folder(checkpoints_dir: Path, window: str) -> Path:
    """Return the folder of one window's checkpoints."""
    return checkpoints_dir / window


def newest(window_folder: Path) -> Path | None:
    """Return the newest complete checkpoint in a window's folder, None when there is none."""
    found = [
        Checkpoint(
            metadata.stat().st_mtime_ns, int(metadata.parent.name.removeprefix("chk-")), metadata.parent
        )
        for metadata in window_folder.glob("*/chk-*/_metadata")
    ]
    return max(found).path if found else None


def forget_others(window_folder: Path, kept: Path) -> None:
    """Delete what jobs before the one that wrote `kept` left behind; nobody goes on from it again."""
    for job in window_folder.iterdir():
        if job.is_dir() and job != kept.parent:
            shutil.rmtree(job, ignore_errors=True)
