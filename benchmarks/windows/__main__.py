"""`python -m benchmarks.windows`: rows per second and CPU-seconds of the Flink window jobs.

Each shipped window runs as a batch over a topic that is full: the SQL of the live job, from Kafka to Iceberg,
in a stack of its own that is deleted after. The first round warms Java up and is not counted. Beside it, from
the same run, the same records read, decoded and counted per key and minute in plain Python.
"""

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.gateway.stack import ROOT, apply_topics
from benchmarks.report import show
from benchmarks.stack import own_stack
from benchmarks.windows.load import load
from benchmarks.windows.measure import Cost, in_flink, in_python
from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.load import load as declared
from local.stack import Stack
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient

PORT_BASE: Final = 17100
PARTS: Final = ["kafka", "registry", "seaweedfs", "flink", "flink_taskmanager"]
Costs = dict[str, list[Cost]]


def run(
    stack: Stack, windows: dict[str, BoundWindow], rows: int, rounds: int, report: Callable[[str], object]
) -> Costs:
    """Fill the topics and measure each window, the two ways in turns; blocks for minutes."""
    broker, catalogue = KafkaBroker(stack.bootstrap_servers), Catalogue.load(ROOT / "schemas")
    codecs = Codecs(catalogue, RegistryClient(stack.registry_url))
    apply_topics(stack)
    for name in sorted({window.declaration.topic for window in windows.values()}):
        topic = catalogue[name]
        load(broker, codecs, topic.schema, name, topic.spec.key, rows)
        report(f"{name} holds {rows:,} records")
    found: defaultdict[str, list[Cost]] = defaultdict(list)
    for number in range(rounds + 1):
        for name, window in windows.items():
            flink = in_flink(stack, name, f"bench{number}")
            report(f"{name}: {rows / flink.seconds:,.0f} rows/s, {flink.cpu_s:.1f} CPU-seconds")
            if number:
                found[name].append(flink)
                found[f"{name}_python"].append(in_python(broker, codecs, window))
    return found


def summary(found: Costs, rows: int) -> dict[str, float]:
    """Return the medians over the rounds."""
    result: dict[str, float] = {"rows": rows}
    for name, costs in found.items():
        result[f"{name}_rows_per_s"] = round(rows / statistics.median(c.seconds for c in costs))
        cpu_s = statistics.median(c.cpu_s for c in costs)
        result[f"{name}_cpu_s_per_million"] = round(cpu_s * 1_000_000 / rows, 2)
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table, or one JSON line."""
    windows = declared(ROOT / "schemas")
    parser = argparse.ArgumentParser(prog="kapstan bench windows", description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000, help="records in each topic")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(windows), default=list(windows))
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    options = parser.parse_args(arguments)
    chosen = {name: windows[name] for name in options.only}
    with own_stack(PORT_BASE, PARTS) as stack:
        found = run(stack, chosen, options.rows, options.rounds, lambda line: sys.stderr.write(f"{line}\n"))
    result = summary(found, options.rows)
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
