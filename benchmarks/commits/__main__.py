"""`python -m benchmarks.commits`: whether commits to the lake stay flat, beside pyiceberg's append.

Each commits ten rows at a time to a table of its own on one SeaweedFS, in turns while pyiceberg goes on; ours
then goes on alone. Without --home it starts SeaweedFS in a folder that is deleted after.
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.commits.writers import ours, theirs
from benchmarks.stack import home_option, stack_at
from local.stack import Stack
from services.lake_sink.config import LakeSettings

PORT_BASE: Final = 17400
PARTS: Final = ["seaweedfs"]
HUNDRED: Final = 100


def settings_of(stack: Stack, namespace: str, folder: Path) -> LakeSettings:
    """Return lake_sink's settings, with a namespace of its own; no Kafka and no registry are asked."""
    return LakeSettings.load(
        bootstrap_servers="127.0.0.1:9",
        registry_url="http://127.0.0.1:9",
        namespace=namespace,
        http_port=0,
        state_dir=folder,
        catalog_uri=stack.url("seaweedfs.iceberg"),
        s3_endpoint=stack.url("seaweedfs.s3"),
        s3_access_key_file=stack.secret_file("s3"),
    )


def measure(settings: LakeSettings, commits: int, peer_commits: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each of our commits, and of each append of pyiceberg; blocks."""
    commit, append = ours(settings), theirs(settings)
    mine: list[float] = []
    peer: list[float] = []
    for number in range(commits):
        mine.append(1000 * commit())
        if number < peer_commits:
            peer.append(1000 * append())
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{number + 1:,} of {commits:,} commits")
    return mine, peer


def quantile(values: Sequence[float], share: float) -> float:
    """Return the least value that `share` of the values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def by_hundred(values: Sequence[float]) -> list[dict[str, float]]:
    """Return median, p99 and maximum of each hundred commits, in ms."""
    return [
        {
            "from": start + 1,
            "p50": round(statistics.median(some), 1),
            "p99": round(quantile(some, 0.99), 1),
            "max": round(max(some), 1),
        }
        for start in range(0, len(values), HUNDRED)
        if (some := values[start : start + HUNDRED])
    ]


def summary(mine: Sequence[float], peer: Sequence[float]) -> dict[str, float]:
    """Return the two ratios that are promised, and what they are made of.

    The peer's speed with so many snapshots is the median of its last ten appends, and ours that of the ten
    commits between them.
    """
    first, last = mine[:HUNDRED], mine[-HUNDRED:]
    beside = mine[max(0, len(peer) - 10) : len(peer)]
    return {
        "commits": len(mine),
        "p99_first_hundred_ms": round(quantile(first, 0.99), 1),
        "p99_last_hundred_ms": round(quantile(last, 0.99), 1),
        "last_to_first": round(quantile(last, 0.99) / quantile(first, 0.99), 2),
        "snapshots_of_peer": len(peer),
        "ours_beside_ms": round(statistics.median(beside), 1),
        "pyiceberg_ms": round(statistics.median(peer[-10:]), 1),
        "times_faster": round(statistics.median(peer[-10:]) / statistics.median(beside), 1),
    }


def show(mine: Sequence[float], peer: Sequence[float], *, as_json: bool) -> None:
    """Print quantiles by hundred and the ratios: a table, or one JSON line."""
    figures = {"ours": by_hundred(mine), "pyiceberg": by_hundred(peer)}
    if as_json:
        sys.stdout.write(json.dumps({**summary(mine, peer), **figures}) + "\n")
        return
    for name, hundreds in figures.items():
        sys.stdout.write(f"\n{name:<12}{'p50 ms':>10}{'p99 ms':>10}{'max ms':>10}\n")
        for each in hundreds:
            sys.stdout.write(f"{each['from']:<12,}{each['p50']:>10}{each['p99']:>10}{each['max']:>10}\n")
    sys.stdout.write("\n")
    for name, value in summary(mine, peer).items():
        sys.stdout.write(f"{name:<24}{value:>12,}\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="kapstan bench commits", description=__doc__)
    parser.add_argument("--commits", type=int, default=5_000)
    parser.add_argument("--peer-commits", type=int, default=300)
    home_option(parser)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    name = f"bench-{time.time_ns() // 1_000_000}"
    with (
        stack_at(options.home, PORT_BASE, PARTS) as stack,
        tempfile.TemporaryDirectory(prefix="kapstan-bench-") as folder,
    ):
        settings = settings_of(stack, name, Path(folder))
        mine, peer = measure(settings, options.commits, options.peer_commits)
    show(mine, peer, as_json=options.json)


if __name__ == "__main__":
    main()
