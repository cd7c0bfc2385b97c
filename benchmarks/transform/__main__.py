"""`python -m benchmarks.transform`: events per second of our Transform loop, Quix Streams and Faust.

The same work (12 Avro fields in and out, keyed state with changelog) on the same topic of one Kafka, in
turns, each engine held to one core. Without --servers it starts a Kafka of its own, in a folder that it
deletes after. `per_cpu_s` is by the engine's own CPU time: the figure to compare on a busy machine.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.report import show
from benchmarks.stack import own_stack
from benchmarks.transform.engines import ENGINES
from benchmarks.transform.measure import PARTITIONS, Rate, measure
from benchmarks.transform.work import events
from streamkit.kafka.broker import KafkaBroker

PORT_BASE: Final = 17700


@contextlib.contextmanager
def own_kafka() -> Iterator[str]:
    """Run a Kafka until the block ends; yields its address."""
    with own_stack(PORT_BASE, ["kafka"]) as stack:
        yield stack.bootstrap_servers


def load(servers: str, topic: str, total: int) -> None:
    """Write the events, as the gateway would: with its headers, by key."""
    broker = KafkaBroker(servers)
    broker.admin().create_topic(topic, PARTITIONS, {"retention.ms": "-1"})
    producer = broker.producer()
    for number, (key, value) in enumerate(events(total)):
        headers = [
            ("kapstan-event-id", b"tx%09d" % number),
            ("kapstan-ingest-ms", b"1700000000000"),
            ("kapstan-tenant", b"default"),
            ("kapstan-hops", b"gateway=1700000000000"),
        ]
        producer.send(topic, key, value, headers, 1_700_000_000_000)
    producer.flush(60)
    producer.close()


def run(servers: str, total: int, rounds: int, names: Sequence[str]) -> dict[str, list[Rate]]:
    """Measure each engine `rounds` times, in turns; blocks for minutes."""
    stamp = f"bench{time.time_ns() // 1_000_000}"
    load(servers, stamp, total)
    admin = KafkaBroker(servers).admin()
    found: dict[str, list[Rate]] = {}
    with tempfile.TemporaryDirectory(prefix="kapstan-bench-") as folder:
        for number in range(rounds):
            for engine in (e for e in ENGINES if e.name in names):
                name = f"{stamp}-{engine.name}-{number}"
                rate = measure(engine, servers, admin, stamp, name, total, Path(folder))
                found.setdefault(engine.name, []).append(rate)
                sys.stderr.write(
                    f"{name}: {rate.per_second:,.0f}/s, {rate.per_cpu_second:,.0f} per CPU-second\n"
                )
    return found


def summary(found: dict[str, list[Rate]]) -> dict[str, float]:
    """Return medians, and how many times each other engine's rate ours is."""
    result: dict[str, float] = {}
    for name, rates in found.items():
        result[f"{name}_events_per_s"] = round(statistics.median(r.per_second for r in rates))
        result[f"{name}_events_per_cpu_s"] = round(statistics.median(r.per_cpu_second for r in rates))
    for name in found.keys() - {"kapstan"}:
        for unit in ("s", "cpu_s"):
            ours, other = result[f"kapstan_events_per_{unit}"], result[f"{name}_events_per_{unit}"]
            result[f"times_{name}_per_{unit}"] = round(ours / other, 2)
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table, or one JSON line."""
    parser = argparse.ArgumentParser(prog="benchmarks.transform", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="of the fastest engine")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each engine; medians are reported")
    parser.add_argument("--only", nargs="+", default=[e.name for e in ENGINES], help="engines beside kapstan")
    parser.add_argument("--servers", default="", help="a Kafka that runs already")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    options = parser.parse_args(arguments)
    with contextlib.nullcontext(options.servers) if options.servers else own_kafka() as servers:
        result = summary(run(servers, options.events, options.rounds, ["kapstan", *options.only]))
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
