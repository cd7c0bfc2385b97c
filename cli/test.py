"""`kapstan test [TIER...]`: every test, in tiers; a tier that needs real parts must have started them."""

import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from cli import faults
from cli.lanes import side_by_side
from cli.tiers import FAULTS, TIERS, Counts, Tier, counts, verdict

ROOT = Path(__file__).parents[1]
EVIDENCE = "KAPSTAN_TEST_EVIDENCE"
NAMES = ("check", *(tier.name for tier in TIERS))


def test(
    tiers: Annotated[
        list[str] | None, typer.Argument(help=f"Which tiers: {', '.join(NAMES)}. All when none is named.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON line.")] = False,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="faults: run so many seeded schedules, and keep the results.")
    ] = None,
    first: Annotated[int, typer.Option("--from", min=0, help="faults: the first seed.")] = 1,
    only: Annotated[str, typer.Option(help="faults: these families only, such as kill,crash.")] = "",
    controls: Annotated[
        bool, typer.Option("--controls", help="faults: run known ways that must fail, ours beside each.")
    ] = False,
    table: Annotated[
        bool, typer.Option("--table", help="faults: write the results so far into docs/guarantees.md.")
    ] = False,
) -> None:
    """Run the tests, cheapest tier first; stop at the first tier that fails."""
    if controls or table or seeds is not None:
        if tiers != [FAULTS.name]:
            raise typer.BadParameter(
                "--seeds, --controls and --table belong to one tier: `kapstan test faults`"
            )
        run = faults.run_controls if controls else partial(faults.run, seeds, first, only, table=table)
        raise SystemExit(run(as_json=as_json))
    chosen = tuple(tiers or NAMES)
    if unknown := [name for name in chosen if name not in NAMES]:
        raise typer.BadParameter(f"no tier is called {unknown[0]!r}; there are {', '.join(NAMES)}")
    console = Console(highlight=False)
    total = Counts()
    failed: list[str] = []
    if "check" in chosen and not _check(console):
        failed.append("check")
        total += Counts(failed=1)
    for tier in TIERS:
        if tier.name in chosen and not failed:
            result, reasons = _run(console, tier)
            total += result
            failed += [f"{tier.name}: {reason}" for reason in reasons]
    for reason in failed:
        console.print(Text.assemble(("failed", "red"), f" {reason}"))
    if as_json:
        answer = {"passed": total.passed, "failed": total.failed, "skipped": total.skipped}
        print(json.dumps(answer))  # noqa: T201  the answer itself, not a message
    console.print(f"{total.passed} passed, {max(total.failed, len(failed))} failed, {total.skipped} skipped")
    if failed:
        raise SystemExit(1)


def _check(console: Console) -> bool:
    console.rule("check", align="left")
    done = subprocess.run([sys.executable, "-m", "cli", "check"], cwd=ROOT, check=False)
    return done.returncode == 0


def _run(console: Console, tier: Tier) -> tuple[Counts, list[str]]:
    """Runs one tier's lanes, their output on the terminal; returns its counts and why it failed."""
    console.rule(f"{tier.name} (aim: {tier.minutes} min)", align="left")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        evidence = Path(folder, "started")
        evidence.touch()
        reports = [Path(folder, f"report-{number}.xml") for number in range(len(tier.lanes))]
        pytest = (sys.executable, "-m", "pytest", "-m", tier.marker, "-q", "-rs")
        commands = [
            [*pytest, f"--junitxml={report}", *lane] for lane, report in zip(tier.lanes, reports, strict=True)
        ]
        environment = {**os.environ, EVIDENCE: str(evidence), "PYTHONPATH": str(ROOT)}
        codes = side_by_side(commands, cwd=ROOT, env=environment)
        result = sum(map(counts, reports), Counts())
        reasons = list(verdict(tier, codes, result, evidence.read_text().split()))
    console.print(f"{tier.name}: {(time.monotonic() - begun) / 60:.1f} min")
    return result, reasons
