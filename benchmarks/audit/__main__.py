"""`python -m benchmarks.audit`: rows per second and memory of the audit, Kafka against bronze.

Events of 12 Avro fields with the gateway's headers, which lake_sink has brought into a table on SeaweedFS. An
audit of each kind runs in a process of its own: places alone, what rows say too, and each event's effect too.
Without --home it starts Kafka, the registry and SeaweedFS in a folder that is deleted after.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.lake.__main__ import PARTS, ROOT, load, measure, variables
from benchmarks.report import show
from benchmarks.stack import home_option, stack_at
from local.stack import Stack

PORT_BASE: Final = 17500
KINDS: Final[Mapping[str, Sequence[str]]] = {
    "places": (),
    "content": ("--content",),
    "content_effects": ("--content", "--effects"),
}


def audit(settings: Mapping[str, str], topic: str, options: Sequence[str]) -> dict[str, float]:
    """Run one audit in a process of its own and return its figures; blocks.

    Raises:
        RuntimeError: it failed, or found a difference.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.audit.worker", topic, *options],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the audit ended with {done.returncode}: {done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def run(stack: Stack, rows: int, kinds: Sequence[str], report: Callable[[str], object]) -> dict[str, float]:
    """Fill a topic and its table, and audit them; return the figures; blocks."""
    topic = f"bench-{time.time_ns() // 1_000_000}"
    begun = time.monotonic()
    load(stack, topic, rows)
    report(f"Kafka holds {rows:,} events after {time.monotonic() - begun:.0f} s")
    found: dict[str, float] = {"rows": rows}
    with tempfile.TemporaryDirectory(prefix="kapstan-bench-") as folder:
        begun = time.monotonic()
        measure(stack, topic, topic, rows, Path(folder))
        report(f"bronze holds them after {time.monotonic() - begun:.0f} s more")
        settings = variables(stack, topic, Path(folder))
        for kind in kinds:
            figures = audit(settings, topic, KINDS[kind])
            report(f"{kind}: {figures['seconds']:.1f} s, {figures['memory_mb']:.0f} MB")
            found[f"{kind}_rows_per_s"] = round(rows / figures["seconds"])
            found[f"{kind}_cpu_s_per_million"] = round(figures["cpu_seconds"] * 1_000_000 / rows, 2)
            found[f"{kind}_memory_mb"] = round(figures["memory_mb"])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table, or one JSON line."""
    parser = argparse.ArgumentParser(prog="kapstan bench audit", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="+", choices=list(KINDS), default=list(KINDS))
    home_option(parser)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with stack_at(options.home, PORT_BASE, PARTS) as stack:
        found = run(stack, options.rows, options.only, lambda line: sys.stderr.write(f"{line}\n"))
    show(found, as_json=options.json)


if __name__ == "__main__":
    main()
