"""One audit of one topic against its bronze table, as a process; prints what it took as one JSON line."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from audit.bronze import Bronze
from audit.plan import Chain, Plan
from audit.run import Audit, Stores
from benchmarks.lake.events import SCHEMA
from benchmarks.memory import peak_mb
from services.lake_sink.config import LakeSettings
from streamkit.catalogue import Catalogue, Topic
from streamkit.clock import SystemClock
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient

SCHEMAS = Path(__file__).parents[2] / "schemas"


def run(settings: LakeSettings, topic: str, *, content: bool, effects: bool) -> dict[str, float]:
    """Audit the topic and return the figures; with `effects` each event is looked up among all; blocks.

    Raises:
        RuntimeError: the stores do not agree, so the figures are of something else.
    """
    files = Catalogue.load(SCHEMAS)
    like = files["platform.rules.v1"].spec
    spec = like.model_copy(update={"topic": topic, "event_id": "transaction_id"})
    catalogue = Catalogue.of([*files.topics.values(), Topic(spec, SCHEMA)])
    registry = RegistryClient(settings.registry_url)
    stores = Stores(KafkaBroker(settings.bootstrap_servers), registry, Bronze(settings), None)
    plan = Plan((topic,), (), (Chain(topic, topic),) if effects else ())
    begun, cpu = time.perf_counter(), time.process_time()
    report = Audit(stores, catalogue, SystemClock(), 60, lambda _: None, content=content).run(plan, None)
    if not report.agrees:
        raise RuntimeError("\n".join(report.lines()))
    return {
        "rows": report.differences[0].found,
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": time.process_time() - cpu,
        "memory_mb": peak_mb(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with the settings of lake_sink in the environment."""
    parser = argparse.ArgumentParser()
    parser.add_argument("topic")
    parser.add_argument("--content", action="store_true")
    parser.add_argument("--effects", action="store_true")
    given = parser.parse_args(arguments)
    figures = run(LakeSettings.load(), given.topic, content=given.content, effects=given.effects)
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
