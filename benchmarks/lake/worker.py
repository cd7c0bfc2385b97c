"""lake_sink over one topic until its present end, as a process; prints what it took as one JSON line.

Time and CPU count from the first record in hand, so imports and the group's joining are left out.
"""

import json
import os
import sys
import time
from collections.abc import Sequence

from benchmarks.memory import peak_mb
from services.lake_sink.app import destination, spec
from services.lake_sink.config import LakeSettings
from services.lake_sink.destination import LakeDestination
from streamkit.clock import SystemClock
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.bounds import Bounded, present_ends
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition
from streamkit.registry import RegistryClient
from streamkit.service import serve
from streamkit.sink import run_sink


class Measured:
    """A lake that notes when its first record came, and how many there were."""

    def __init__(self, lake: LakeDestination) -> None:
        self._lake = lake
        self.records = 0
        self.commits = 0
        self._begun = (0.0, 0.0)

    def open(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Open the lake."""
        return self._lake.open(partitions)

    def write(self, batch: Sequence[Record]) -> None:
        """Pass records on, and start the clocks with the first."""
        if not self.records:
            self._begun = (time.perf_counter(), time.process_time())
        self.records += len(batch)
        self._lake.write(batch)

    def commit(self, positions: Positions) -> None:
        """Commit to the lake."""
        self._lake.commit(positions)
        self.commits += 1

    def close(self) -> None:
        """Close the lake."""
        self._lake.close()

    def figures(self) -> dict[str, float]:
        """Return seconds, CPU seconds and the most memory of this process in MB."""
        return {
            "records": self.records,
            "commits": self.commits,
            "seconds": time.perf_counter() - self._begun[0],
            "cpu_seconds": time.process_time() - self._begun[1],
            "memory_mb": peak_mb(),
        }


def run(settings: LakeSettings, topic: str) -> None:
    """Read the topic to its end into its table; blocks."""
    broker = KafkaBroker(settings.bootstrap_servers)
    registry = RegistryClient(settings.registry_url)
    measured = Measured(destination(settings, registry, broker.admin(), SystemClock()))
    made = spec(settings, measured, lambda: (topic,))
    run_sink(made, settings, broker=broker, bounded=Bounded(present_ends(broker, (topic,))))
    sys.stdout.write(json.dumps(measured.figures()) + "\n")


if __name__ == "__main__":
    serve("lake_sink", LakeSettings, lambda settings: run(settings, os.environ["BENCH_TOPIC"]))
