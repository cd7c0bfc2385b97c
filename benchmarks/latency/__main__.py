"""`python -m benchmarks.latency`: from the gateway having read a request to its decision in a reader's hand.

Runs the core stack (without Flink and OpenSearch), then the full one, each in a folder that is deleted after,
with the bank's rows and a day of history in place and no backlog at the start. The load is open-loop: events
are sent when they are due, whatever became of earlier ones. `due` counts from then, so that a sender or a
gateway that falls behind is not left out; the figure that is promised counts from the gateway.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.latency.measure import Load, Measured, Quantiles, measure
from demo.progress import PlainSteps
from local.components import components
from local.stack import Stack

PORT_BASE: Final = 17900
CORE: Final = "core"
FULL: Final = "full"


def beyond_core() -> tuple[str, ...]:
    """The parts that the core stack does without: Flink, OpenSearch and what needs them."""
    return tuple(name for name in components() if name.startswith(("flink", "opensearch", "search_sink")))


def run(kind: str, load: Load) -> Measured:
    """Measure one kind of stack in a folder of its own; blocks for minutes."""
    with tempfile.TemporaryDirectory(prefix="kapstan-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        without = beyond_core() if kind == CORE else ()
        return measure(Stack(Path(folder), PORT_BASE), load, without, PlainSteps(sys.stderr))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table, or one JSON line."""
    parser = argparse.ArgumentParser(prog="benchmarks.latency", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="transactions per second")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the measurement")
    parser.add_argument("--warm-up", type=float, default=120.0, help="seconds of the same load before it")
    parser.add_argument("--only", choices=[CORE, FULL], help="one kind of stack")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    options = parser.parse_args(arguments)
    load = Load(options.rate, options.seconds, options.warm_up)
    found = {kind: run(kind, load) for kind in ([options.only] if options.only else [CORE, FULL])}
    if options.json:
        flat = {f"{kind}_{name}": v for kind, each in found.items() for name, v in each.flat().items()}
        sys.stdout.write(json.dumps(flat) + "\n")
        return
    for kind, each in found.items():
        sys.stdout.write(
            f"{kind}: {each.decisions} decisions at {each.rate:g}/s, {each.memory_mb} MB\n"
            f"  gateway to decision  {_text(each.gateway)}\n"
            f"  due to decision      {_text(each.due)}\n"
            f"  backlog {each.backlog_at_start} at the start, {each.backlog_at_end} at the end; "
            f"the sender was {each.sender_late_ms} ms late at worst\n"
        )


def _text(quantiles: Quantiles) -> str:
    return f"p50 {quantiles.p50_ms} ms   p99 {quantiles.p99_ms} ms   p999 {quantiles.p999_ms} ms"


if __name__ == "__main__":
    main()
