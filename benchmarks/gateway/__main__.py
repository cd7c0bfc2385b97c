"""`python -m benchmarks.gateway`: events per second and p99 of the gateway, over HTTP and gRPC.

Without --http-port it starts Kafka, the registry and a gateway of its own in a folder that is deleted after.
"""

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.gateway.events import batches
from benchmarks.gateway.load import Measured, Target, over_grpc, over_http
from benchmarks.gateway.stack import own_gateway
from benchmarks.report import show

Run = Callable[[float], Awaitable[Measured]]

WARM_UP_S: Final = 1.0
CONNECTIONS: Final = {"single": 32, "batch100": 8, "batch1000": 4, "grpc": 4}


def runs(target: Target) -> dict[str, Run]:
    """Return the ways of sending, by the name that the result has them under."""
    now_ms = time.time_ns() // 1_000_000

    def http(name: str, size: int, count: int) -> Run:
        sent = batches(size, count, now_ms)
        return lambda seconds: over_http(target, sent, CONNECTIONS[name], seconds)

    stream = batches(100, 64, now_ms)
    return {
        "single": http("single", 1, 4096),
        "batch100": http("batch100", 100, 64),
        "batch1000": http("batch1000", 1000, 8),
        "grpc": lambda seconds: over_grpc(target, stream, CONNECTIONS["grpc"], seconds),
    }


def measure(target: Target, seconds: float, rounds: int) -> dict[str, float]:
    """Run each way `rounds` times, interleaved, and return the medians."""
    found: dict[str, list[Measured]] = {}
    for number in range(rounds):
        for name, run in runs(target).items():
            if number == 0:
                uvloop.run(_of(run(WARM_UP_S)))
            found.setdefault(name, []).append(uvloop.run(_of(run(seconds))))
    result: dict[str, float] = {}
    for name, measured in found.items():
        result[f"{name}_events_per_s"] = round(statistics.median(m.rate for m in measured))
        for label, q in (("p50", 0.5), ("p99", 0.99)):
            result[f"{name}_{label}_ms"] = round(statistics.median(m.quantile_ms(q) for m in measured), 2)
    return result


async def _of(run: Awaitable[Measured]) -> Measured:
    return await run


@contextlib.contextmanager
def _target(options: argparse.Namespace) -> Iterator[Target]:
    if options.http_port:
        key = Path(options.key_file).read_text(encoding="utf-8").strip()
        yield Target(options.host, options.http_port, options.grpc_port, key)
    else:
        with (
            tempfile.TemporaryDirectory(prefix="kapstan-bench-") as folder,
            own_gateway(Path(folder)) as target,
        ):
            yield target


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table, or one JSON line."""
    parser = argparse.ArgumentParser(prog="benchmarks.gateway", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind; the median is reported")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    parser.add_argument("--host", default="127.0.0.1", help="of a gateway that runs already")
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--grpc-port", type=int, default=0)
    parser.add_argument("--key-file", default="", help="file with the API key of that gateway")
    options = parser.parse_args(arguments)
    with _target(options) as target:
        result = measure(target, options.seconds, options.rounds)
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
