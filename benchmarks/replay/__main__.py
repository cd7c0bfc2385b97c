"""`python -m benchmarks.replay`: how fast replays are, and that as recorded equals live at length.

On a stack of its own whose log the real services have decided on: a consumer that does nothing, a sink loop
that keeps nothing and `replay lake_sink` over one topic; replays of enricher, fraud_scorer and the chain of
both; and both steps driven from memory without Kafka. With --recorded instead: decisions are made while rows,
labels, rules and the model change and workers are killed, come and go; then all are made again and compared.
"""

import argparse
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.replay.cost import Cost
from benchmarks.replay.live import HOPS, running
from benchmarks.replay.log import Log
from benchmarks.replay.measure import dropped, replayed
from benchmarks.replay.readers import empty_sink, null_consumer
from benchmarks.replay.recorded import AHEAD, prove
from benchmarks.report import show
from benchmarks.stack import own_stack
from benchmarks.steps.__main__ import once, works
from benchmarks.steps.world import Inputs
from cli.audit import lake_settings
from demo.progress import Steps, steps_on
from local.stack import Stack
from payments.simulator import TRANSACTIONS
from replay.perform import Request

PORT_BASE: Final = 17200
PARTS: Final = ["kafka", "registry", "seaweedfs"]
RECORDED_PARTS: Final = ["kafka", "registry"]
STEP_EVENTS: Final = 50_000
STEP_BATCH: Final = 1_000
Costs = Mapping[str, Sequence[Cost]]


def fill(stack: Stack, log: Log, steps: Steps, transactions: int) -> None:
    """Write the log and let the services decide on it; blocks for minutes."""
    with running(stack, log.platform.admin) as path, steps.step("Deciding live") as bar:
        log.begin()
        for written in log.pieces(AHEAD):
            path.wait(2 * AHEAD, HOPS[:1], lambda _: None)
            bar(0.99 * written / transactions, f"{written:,} transactions")
        for hop in HOPS:
            path.wait(0, [hop], lambda left: bar(0.99, f"{left:,} records behind"))


def measure(stack: Stack, log: Log, transactions: int, rounds: int, steps: Steps) -> Costs:
    """Measure everything `rounds` times, in turns; blocks for minutes."""
    found: defaultdict[str, list[Cost]] = defaultdict(list)
    servers, lake = stack.bootstrap_servers, lake_settings(stack)
    requests = {
        "lake_sink": Request("lake_sink", topics=(TRANSACTIONS,)),
        **{service: Request(service) for service, _ in HOPS},
        "chain": Request(",".join(service for service, _ in HOPS)),
    }
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="kapstan-bench-") as folder:
            found["null_consumer"].append(null_consumer(servers, TRANSACTIONS, transactions))
            found["empty_sink"].append(empty_sink(servers, TRANSACTIONS, f"empty{number}", Path(folder)))
        for name, request in requests.items():
            hops, costs = replayed(stack, log.platform, request, steps, transactions)
            seconds, cpu_s = sum(each.seconds for each in costs), sum(each.cpu_s for each in costs)
            steady = costs[0].steady if len(costs) == 1 else None
            found[name].append(Cost(transactions, seconds, cpu_s, steady))
            sys.stderr.write(f"{name}: {found[name][-1]}\n")
            dropped(stack, log.platform, hops, lake)
    return found


def summary(found: Costs, events_per_cpu_s: Mapping[str, float]) -> dict[str, float]:
    """Return medians over the rounds, and the shares that are aimed at."""

    def median(name: str, what: Callable[[Cost], float]) -> int:
        return round(statistics.median(map(what, found[name])))

    figures: dict[str, float] = {"transactions": found["chain"][0].records, "rounds": len(found["chain"])}
    for name in ("null_consumer", "empty_sink"):
        figures[f"{name}_per_s"] = median(name, attrgetter("per_s"))
    for name in ("lake_sink", *(service for service, _ in HOPS)):
        figures[f"{name}_per_s"] = median(name, attrgetter("per_s"))
        figures[f"{name}_steady_per_s"] = median(name, attrgetter("steady_per_s"))
        figures[f"{name}_per_cpu_s"] = median(name, attrgetter("per_cpu_s"))
    figures["chain_per_s"] = median("chain", attrgetter("per_s"))
    figures["chain_per_cpu_s"] = median("chain", attrgetter("per_cpu_s"))
    steady, null = figures["lake_sink_steady_per_s"], figures["null_consumer_per_s"]
    figures["lake_sink_of_null_consumer"] = round(steady / null, 3)
    figures["lake_sink_of_empty_sink"] = round(steady / figures["empty_sink_per_s"], 3)
    slower = min(figures[f"{service}_per_s"] for service, _ in HOPS)
    figures["chain_of_slower_hop"] = round(figures["chain_per_s"] / slower, 3)
    return figures | {f"{name}_step_per_cpu_s": round(rate) for name, rate in events_per_cpu_s.items()}


def steps_alone(rounds: int) -> dict[str, float]:
    """Return the events per CPU-second of both steps over events in memory, without Kafka; blocks."""
    names = [service for service, _ in HOPS]
    made = works(Inputs(), names, STEP_EVENTS, STEP_BATCH)
    return {
        name: statistics.median(STEP_EVENTS / once(work, STEP_BATCH).cpu_s for _ in range(rounds))
        for name, work in made.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table, or one JSON line; with --recorded, exit 1 when anything differs."""
    parser = argparse.ArgumentParser(prog="kapstan bench replay", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="transactions in the log")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; medians are reported")
    parser.add_argument("--recorded", action="store_true", help="prove instead that as recorded equals live")
    parser.add_argument("--seed", type=int, default=1, help="of the changes, with --recorded")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    options = parser.parse_args(arguments)
    steps = steps_on(Console(stderr=True))
    if options.recorded:
        with own_stack(PORT_BASE, RECORDED_PARTS) as stack, Log(stack, options.rows) as log:
            proof = prove(stack, log, options.rows, options.seed, steps)
        sys.stderr.writelines(f"{line}\n" for line in proof.lines)
        show(proof.figures, as_json=options.json)
        sys.exit(0 if proof.equal else 1)
    alone = steps_alone(options.rounds)
    with own_stack(PORT_BASE, PARTS) as stack, Log(stack, options.rows) as log:
        fill(stack, log, steps, options.rows)
        found = measure(stack, log, options.rows, options.rounds, steps)
    show(summary(found, alone), as_json=options.json)


if __name__ == "__main__":
    main()
