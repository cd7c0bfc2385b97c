"""One lake_sink worker over given topics, as a process to kill: `python -m tests.support.lake_worker T`.

The service itself, but for where its topics come from: it reads those named. It ends when it has read what
they hold at the start, unless LAKE_WORKER_UNBOUNDED is set.
"""

import argparse
import os

from services.lake_sink.app import destination, spec
from services.lake_sink.config import LakeSettings
from streamkit.clock import SystemClock
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.bounds import Bounded, present_ends
from streamkit.registry import RegistryClient
from streamkit.service import serve
from streamkit.sink import run_sink


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("topics", nargs="+")
    topics = tuple(parser.parse_args().topics)
    serve("lake_sink", LakeSettings, lambda settings: run(settings, topics))


def run(settings: LakeSettings, topics: tuple[str, ...]) -> None:
    broker = KafkaBroker(settings.bootstrap_servers)
    lake = destination(settings, RegistryClient(settings.registry_url), broker.admin(), SystemClock())
    bounded = None if os.environ.get("LAKE_WORKER_UNBOUNDED") else Bounded(present_ends(broker, topics))
    run_sink(spec(settings, lake, lambda: topics), settings, broker=broker, bounded=bounded)


if __name__ == "__main__":
    main()
