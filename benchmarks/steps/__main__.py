"""`python -m benchmarks.steps`: events per CPU-second of the refiner's, enricher's and scorer's steps.

Each step runs alone on one core, over the simulated world's events, with its side inputs and its state in
RocksDB, without Kafka: what a hop costs beyond the loop, which `bench transform` measures. Beside it, from
the same run, reading and writing the same Avro values alone: what a step that did nothing would cost.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.report import show
from benchmarks.steps.drive import Ran, as_records, codec_s, run
from benchmarks.steps.world import SCHEMAS, Inputs
from payments.simulator import CLICKS, TRANSACTIONS
from services.enricher import app as enricher
from services.enricher.config import EnricherSettings
from services.enricher.enrich import ENRICHED
from services.fraud_scorer import app as scorer
from services.refiner import app as refiner
from services.refiner.config import RefinerSettings
from streamkit.records import Output, Record
from streamkit.side import SideView
from streamkit.transform import TransformSpec

STEPS: Final = ("refiner", "enricher", "fraud_scorer")


@dataclass(frozen=True, slots=True)
class Work:
    """A step's spec, its side inputs read, its input, and the topics of its named outputs."""

    spec: TransformSpec
    side: SideView
    topic: str
    records: Sequence[Record]
    outputs: Mapping[str, str]


def works(inputs: Inputs, names: Sequence[str], events: int, batch: int) -> dict[str, Work]:
    """Make the work of the steps; the scorer's input is what the enricher makes of the transactions."""
    nowhere = {"bootstrap_servers": "nowhere:0", "registry_url": "http://nowhere:0", "http_port": 0}
    common = {**nowhere, "schemas_dir": SCHEMAS, "state_dir": Path("unused")}
    found: dict[str, Work] = {}
    if "refiner" in names:
        spec = refiner.spec(RefinerSettings.load(**common), inputs.registry)
        view = inputs.side(spec.side_inputs)
        topics = spec.follow(view).outputs if spec.follow is not None else {}
        found["refiner"] = Work(spec, view, CLICKS, inputs.events(CLICKS, events), topics)
    if {"enricher", "fraud_scorer"} & set(names):
        spec = enricher.spec(EnricherSettings.load(**common), inputs.codecs)
        transactions = inputs.events(TRANSACTIONS, events)
        found["enricher"] = Work(
            spec, inputs.side(spec.side_inputs), TRANSACTIONS, transactions, spec.outputs
        )
    if "fraud_scorer" in names:
        enriched = once(found["enricher"], batch).outputs
        spec = scorer.spec(inputs.codecs)
        records = as_records(ENRICHED, enriched)
        found["fraud_scorer"] = Work(spec, inputs.side(spec.side_inputs), ENRICHED, records, spec.outputs)
    return {name: found[name] for name in names}


def measure(
    inputs: Inputs, found: Mapping[str, Work], rounds: int, batch: int, report: Callable[[str], object]
) -> dict[str, float]:
    """Run each step `rounds` times, in turns; returns medians of events per CPU-second."""
    rates: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, work in found.items():
            ran, events = once(work, batch), len(work.records)
            rates[f"{name}_events_per_cpu_s"].append(events / ran.cpu_s)
            rates[f"{name}_codec_events_per_cpu_s"].append(events / _codec(inputs, work, ran.outputs))
            report(f"{name}: {events / ran.cpu_s:,.0f} events per CPU-second")
    result: dict[str, float] = {name: round(statistics.median(each)) for name, each in rates.items()}
    for name in found:
        ours, codec = result[f"{name}_events_per_cpu_s"], result[f"{name}_codec_events_per_cpu_s"]
        result[f"{name}_codec_share"] = round(ours / codec, 2)
    return result


def once(work: Work, batch: int) -> Ran:
    """Run a step over all its records, its state in a folder of its own; blocks."""
    with tempfile.TemporaryDirectory(prefix="kapstan-bench-") as folder:
        return run(work.spec.step, work.side, work.records, batch, Path(folder) / "state")


def _codec(inputs: Inputs, work: Work, outputs: Sequence[Output]) -> float:
    codecs = {
        name: (inputs.codecs.decoder(topic), inputs.codecs.encoder(topic))
        for name, topic in work.outputs.items()
    }
    written = [(codecs[output.name], output.value or b"") for output in outputs]
    return codec_s(inputs.codecs.decoder(work.topic), work.records, written)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table, or one JSON line."""
    parser = argparse.ArgumentParser(prog="kapstan bench steps", description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each step; medians are reported")
    parser.add_argument("--batch", type=int, default=1_000, help="records in one call and one write of state")
    parser.add_argument("--only", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    options = parser.parse_args(arguments)
    if hasattr(os, "sched_setaffinity"):  # macOS cannot
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    inputs = Inputs()
    found = works(inputs, options.only, options.events, options.batch)
    result = measure(inputs, found, options.rounds, options.batch, lambda line: sys.stderr.write(f"{line}\n"))
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
