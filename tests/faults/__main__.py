"""`python -m tests.faults`: seeded schedules of faults; `./kapstan test faults --seeds N` runs it."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from local.errors import RuntimeProblem
from local.places import repository
from tests.faults import results
from tests.faults.campaign import Campaign, now_text
from tests.faults.faults import KINDS
from tests.faults.product import commit_of, digest_of
from tests.faults.run import ERROR, FAILED, Result
from tests.faults.schedule import schedules
from tests.faults.stages import PARTS

LEDGER = repository() / "tests" / "faults" / "results.jsonl"
DOCUMENT = repository() / "docs" / "guarantees.md"
DEFAULT_PORT_BASE = 19600


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=0, help="how many schedules to run")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first seed")
    parser.add_argument("--only", default="", help=f"families: {','.join(kind.name for kind in KINDS)}")
    parser.add_argument("--stage", choices=tuple(PARTS), help="only what is played on this kind of stage")
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    parser.add_argument("--list", action="store_true", help="say what the seeds mean, and run nothing")
    parser.add_argument("--again", action="store_true", help="run seeds that the ledger has already")
    parser.add_argument("--ledger", type=Path, default=LEDGER, help="file that results are appended to")
    parser.add_argument("--table", action="store_true", help=f"write the ledger's table into {DOCUMENT.name}")
    parser.add_argument("--rate", type=float, default=40.0, help="events a second")
    parser.add_argument("--keep", action="store_true", help="leave the folder of a stage that showed a fault")
    parser.add_argument(
        "--port-base", type=int, default=int(os.environ.get("KAPSTAN_TEST_PORT_BASE", DEFAULT_PORT_BASE))
    )
    return parser.parse_args()


def main() -> int:
    """Run what the command line asks for; returns the exit code."""
    options = arguments()
    only = frozenset(filter(None, options.only.split(",")))
    if unknown := only - {kind.name for kind in KINDS}:
        say(f"no family of faults is called {min(unknown)}; see --help")
        return 2
    kept = results.parse(options.ledger.read_text().splitlines()) if options.ledger.exists() else []
    product = digest_of(repository())
    if options.table:
        DOCUMENT.write_text(results.put_into(DOCUMENT.read_text(), results.table(kept, product)))
        say(f"{DOCUMENT} has the table of {len(kept)} results")
        return 0
    drawn = schedules(options.first, KINDS, only)
    fitting = (schedule for schedule in drawn if options.stage in (None, schedule.stage))
    chosen = list(islice(fitting, options.seeds))
    if options.list:
        for schedule in chosen:
            say(f"{schedule.seed} ({schedule.stage}): {'; '.join(map(str, schedule.steps))}")
        return 0
    known = set() if options.again else results.known_seeds(kept, product)
    waiting = [schedule for schedule in chosen if schedule.seed not in known]
    if len(waiting) < len(chosen):
        say(f"{len(chosen) - len(waiting)} of {len(chosen)} schedules have a result for product {product}")
    ran = Writing(options.ledger, commit_of(repository()), lambda: digest_of(repository()))
    Campaign(options.port_base, ran.take, say, rate=options.rate, keep=options.keep).run(waiting)
    return ran.finish(as_json=options.json)


class Writing:
    """Appends results to the ledger and shows them."""

    def __init__(self, ledger: Path, commit: str, product: Callable[[], str]) -> None:
        """Take the file and what the results are of; `product` is asked for again with each result."""
        self._ledger = ledger
        self._product = product
        self._of = {"product": product(), "commit": commit}
        self._lines: list[results.Line] = []

    def take(self, result: Result) -> None:
        """Append a result, at once, so that a kill of this process costs one schedule."""
        if self._product() != self._of["product"]:
            # Nobody knows which of its processes ran which code.
            result.outcome = ERROR
            result.problems.append("the product's code was changed while it ran; begin the run anew")
        line = {**self._of, "at": now_text(), **result.to_json()}
        self._lines.append(line)
        with self._ledger.open("a") as file:
            file.write(json.dumps(line) + "\n")
        resumed = "" if result.resumed_after_s is None else f", resumed after {result.resumed_after_s:g} s"
        slow = " (slow)" if result.slow else ""
        phases = ", ".join(f"{name} {seconds:g}" for name, seconds in result.phases.items())
        say(
            f"  {result.outcome} in {result.seconds:g} s ({phases}): {result.acknowledged} acknowledged, "
            f"{result.compared} compared{resumed}{slow}"
        )
        for text in result.problems:
            say(f"    {text}")

    def finish(self, *, as_json: bool) -> int:
        """Print the last line; returns 0 when every schedule passed."""
        counts = results.totals(self._lines)
        sys.stdout.write((json.dumps(counts) if as_json else results.sentence(counts)) + "\n")
        return int(any(line["outcome"] in (FAILED, ERROR) for line in self._lines))


def say(text: str) -> None:
    """Write a line where a person sees it at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    # A plain `kill` must stop the stage as Ctrl-C does, and in the background a shell has Ctrl-C ignored.
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        sys.exit(main())
    except RuntimeProblem as problem:
        say(str(problem))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
