"""`python -m traffic`: live traffic until SIGTERM, with a line of JSON on standard output each second.

A process of its own, so that its clock is not held up by whoever watches.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import uvloop

from payments.simulator import FRAUD_REPORTS, NO_FLAWS, Arrival, Flaws, live
from streamkit.catalogue import Catalogue
from traffic.grpc_sender import GrpcSender
from traffic.history import TOPICS
from traffic.http_sender import HttpSender
from traffic.ledger import Ledger
from traffic.live import LiveTraffic
from traffic.scenario import Scenario
from traffic.senders import Sender

REPORT_EVERY_S = 1.0
LEAD_MS = 2_000
"""What drawing the open fraud reports may take; else the first events would come in a burst."""


def arguments() -> argparse.Namespace:
    """The command line; see the help texts."""
    parser = argparse.ArgumentParser(prog="python -m traffic", description=__doc__)
    parser.add_argument("--scenario", type=Path, required=True, help="the stack's scenario file")
    parser.add_argument("--ledger", type=Path, required=True, help="file to note acknowledgements in")
    parser.add_argument("--schemas", type=Path, required=True, help="the folder with topics/ and avro/")
    parser.add_argument("--http", required=True, help="base URL of the gateway")
    parser.add_argument("--grpc", required=True, help="host:port of the gateway's gRPC server")
    parser.add_argument("--api-key-file", type=Path, required=True, help="JSON file with `key`")
    parser.add_argument("--rate", type=float, default=10.0, help="transactions per second")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long")
    parser.add_argument("--no-flaws", action="store_true", help="no retries, late or malformed events")
    return parser.parse_args()


def of_loaded_past(arrivals: Iterator[Arrival], history_end_ms: int, start_ms: int) -> Iterator[Arrival]:
    """The arrivals without fraud reports of transactions that were never sent.

    The simulator's past goes on until `start_ms`; the loaded history ended when the stack was first filled.
    """
    for arrival in arrivals:
        happened_ms = arrival.value.get("transaction_time", 0)
        if arrival.topic != FRAUD_REPORTS or not history_end_ms <= happened_ms < start_ms:
            yield arrival


async def run(options: argparse.Namespace) -> None:
    """Send until the time is over or a signal comes; the ledger is complete when this returns."""
    scenario = Scenario.of(options.scenario, time.time_ns() // 1_000_000)
    world = scenario.world()
    catalogue = Catalogue.load(options.schemas)
    event_ids = {topic: str(catalogue[topic].spec.event_id) for topic in TOPICS}
    key = orjson.loads(options.api_key_file.read_bytes())["key"]
    senders: list[Sender] = [HttpSender(options.http, key), GrpcSender(options.grpc, key)]
    start_ms = time.time_ns() // 1_000_000 + LEAD_MS
    flaws = NO_FLAWS if options.no_flaws else Flaws()
    arrivals = of_loaded_past(live(world, start_ms, options.rate, flaws), scenario.history_end_ms, start_ms)
    with Ledger(options.ledger) as ledger:
        traffic = LiveTraffic(senders, ledger, event_ids)
        sending = asyncio.create_task(traffic.run(arrivals, start_ms + 1000 * options.seconds))
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, sending.cancel)
        try:
            while not sending.done():
                await asyncio.wait([sending], timeout=REPORT_EVERY_S)
                ledger.flush()
                _report(traffic)
            with contextlib.suppress(asyncio.CancelledError):
                sending.result()
        finally:
            await asyncio.gather(*(sender.close() for sender in senders))
    _report(traffic)


def _report(traffic: LiveTraffic) -> None:
    sys.stdout.write(orjson.dumps(traffic.tally.line()).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(run(arguments()))
