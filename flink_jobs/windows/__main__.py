"""`python -m flink_jobs.windows`: keep, submit or replay the declared windows, where PyFlink is."""

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time

from flink_jobs.windows.config import Settings
from flink_jobs.windows.errors import WindowsError
from flink_jobs.windows.keep import keep
from flink_jobs.windows.load import load
from flink_jobs.windows.replay import parse_offsets, replay
from flink_jobs.windows.source import Reach
from flink_jobs.windows.submit import submit


def main(arguments: list[str]) -> int:
    """Run one command; a failure prints one message and returns 1."""
    parser = argparse.ArgumentParser(prog="flink_jobs.windows")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("keep", help="submit the declared windows whenever one does not run")
    once = commands.add_parser("submit", help="submit these windows, unless they run")
    once.add_argument("windows", nargs="+")
    batch = commands.add_parser("replay", help="compute windows in batch, into KAPSTAN_NAMESPACE")
    batch.add_argument("windows", nargs="+")
    batch.add_argument("--start", type=parse_offsets, default={}, help="partition:offset[,partition:offset]")
    batch.add_argument(
        "--stop", type=parse_offsets, default={}, help="the same; without it, all there is now"
    )
    batch.add_argument(
        "--bronze-of", metavar="TOPIC_ID", help="read this topic's rows of the bronze table, not Kafka"
    )
    batch.add_argument(
        "--seam", type=parse_offsets, default={}, help="bronze before these offsets only, Kafka from there on"
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("py4j").setLevel(logging.WARNING)
    try:
        settings = Settings.load(os.environ)
        if given.command == "keep":
            keep(settings, _ending().wait)
            return 0
        declared = load(settings.schemas_dir)
        windows = {name: declared[name] for name in given.windows}
        if given.command == "submit":
            done = submit(windows, settings, lambda: time.time_ns() // 1_000_000)
        else:
            done = replay(windows, settings, Reach(given.start, given.stop, given.bronze_of, given.seam))
    except WindowsError as error:
        sys.stderr.write(f"kapstan windows: {error}\n")
        return 1
    except KeyError as error:
        sys.stderr.write(
            f"kapstan windows: no window {error} is declared in {settings.schemas_dir / 'windows'}\n"
        )
        return 1
    sys.stdout.write(json.dumps(done) + "\n")
    return 0


def _ending() -> threading.Event:
    event = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: event.set())
    return event


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
