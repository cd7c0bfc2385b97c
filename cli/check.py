"""`kapstan check`: lint, formatting, types and import rules, in seconds."""

import os
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ruff check", ("ruff", "check", "--quiet", ".")),
    ("ruff format", ("ruff", "format", "--quiet", "--check", ".")),
    ("mypy --strict", ("mypy", ".")),
    ("lint-imports", ("lint-imports", "--no-logo")),
)


def check() -> None:
    """Runs every static check, prints what failed, and exits 1 when anything did."""
    console = Console(highlight=False)
    failed = [name for name, command in CHECKS if not _passes(console, name, command)]
    if failed:
        console.print(f"[red]{len(failed)} of {len(CHECKS)} checks failed[/red]: {', '.join(failed)}")
        raise SystemExit(1)


def _passes(console: Console, name: str, command: tuple[str, ...]) -> bool:
    begun = time.monotonic()
    program = BIN / command[0]
    # lint-imports finds the packages through the path, not through an installation.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [str(program), *command[1:]], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - begun
    if done.returncode == 0:
        console.print(f"  {name:<15} ok      {seconds:5.1f} s")
        return True
    console.print(f"  {name:<15} [red]failed[/red]  {seconds:5.1f} s")
    console.print(f"{done.stdout}{done.stderr}", markup=False)
    return False
