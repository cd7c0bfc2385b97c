"""`kapstan test faults --seeds N`: schedules of faults beyond the tier's own, kept in a ledger."""

import os
import sys
from pathlib import Path

from cli.lanes import side_by_side

ROOT = Path(__file__).parents[1]


def run(seeds: int | None, first: int, only: str, *, table: bool, as_json: bool) -> int:
    """Run the suite's own program, its output on the terminal; returns its exit code. Blocks.

    Args:
        seeds: how many schedules.
        first: the first seed.
        only: families of faults, separated by commas; all when empty.
        table: write the table of what was found so far into the guarantees, and run nothing.
        as_json: end with one JSON line.
    """
    # A program and not an import: what tests are made of is no part of the commands.
    command = [sys.executable, "-m", "tests.faults", "--from", str(first), "--only", only]
    command += ["--seeds", str(seeds or 0)]
    command += ["--table"] if table else []
    command += ["--json"] if as_json else []
    return _run(command)


def run_controls(*, as_json: bool) -> int:
    """Run the controls, ways that must fail where ours holds; returns 0 when each was seen to. Blocks."""
    return _run([sys.executable, "-m", "tests.faults.controls", *(["--json"] if as_json else [])])


def _run(command: list[str]) -> int:
    (code,) = side_by_side([command], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return code
