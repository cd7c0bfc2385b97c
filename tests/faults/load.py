"""The load of a fault schedule: few customers and terminals, so that every window holds something.

`python -m tests.faults.load` is a process of its own. A line `go` on its standard input starts the events,
`stop` ends them: a line of JSON each second says how many still wait for an answer, and the last one, with
`done`, that there are none and the ledger is complete.
"""

import argparse
import asyncio
import heapq
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from payments.simulator import CLICKS, FRAUD_REPORTS, TRANSACTIONS, Arrival, Flaw
from traffic.grpc_sender import GrpcSender
from traffic.http_sender import HttpSender
from traffic.ledger import Ledger
from traffic.live import LiveTraffic
from traffic.senders import Sender

CUSTOMERS, TERMINALS = 40, 20
EVENT_IDS = {TRANSACTIONS: "transaction_id", CLICKS: "click_id", FRAUD_REPORTS: "report_id"}
DAY_MS = 86_400_000
AHEAD, AHEAD_MS = 0.1, 290_000
CLICKS_SHARE, RETRIES, MALFORMED, REPORTS, PAST, OLD = 0.15, 0.03, 0.005, 0.1, 0.4, 0.03


def arrivals(seed: int, start_ms: int, rate: float, *, ahead: bool = False) -> Iterator[Arrival]:
    """Yield events without end, in the order in which they are due, `rate` a second on average.

    A transaction's event time is now, or days back, so that the terminals' windows behind seven days hold
    something, or behind every window. Some are sent twice, some refused, some reported as frauds.

    With `ahead`, some are dated almost five minutes ahead, which is as far as an event moves the time of its
    partition: event-time windows so end with the schedule that they belong to, not minutes after it. Some
    clicks are then days back, and late.
    """
    rng = random.Random(seed)
    waiting: list[tuple[float, int, Arrival]] = []
    due, number = float(start_ms), 0
    while True:
        due += rng.expovariate(rate) * 1000
        number += 1
        while waiting and waiting[0][0] <= due:
            yield heapq.heappop(waiting)[2]
        first, *later = _event(rng, int(due), f"f{start_ms:x}-{number}", ahead=ahead)
        for place, arrival in enumerate(later):
            heapq.heappush(waiting, (arrival.due_ms, number * 10 + place, arrival))
        yield first


def _event(rng: random.Random, due: int, name: str, *, ahead: bool) -> Iterator[Arrival]:
    """Yield an event and what follows from it, later."""
    happened = due + AHEAD_MS if ahead and rng.random() < AHEAD else due
    if rng.random() < CLICKS_SHARE:
        late = ahead and rng.random() < AHEAD
        topic, value = CLICKS, _click(rng, due - rng.randint(1, 16) * DAY_MS if late else happened, name)
    else:
        topic, value = TRANSACTIONS, _transaction(rng, happened, name)
        if rng.random() < MALFORMED:
            yield Arrival(due, topic, {**value, "amount_minor": "much"}, Flaw.MALFORMED)
            return
    yield Arrival(due, topic, value)
    if rng.random() < RETRIES:
        yield Arrival(due + rng.randint(100, 4000), topic, value, Flaw.RETRY)
    if topic == TRANSACTIONS and rng.random() < REPORTS:
        reported = due + rng.randint(200, 3000)
        yield Arrival(reported, FRAUD_REPORTS, _report(value, reported))


def _transaction(rng: random.Random, happened: int, name: str) -> dict[str, object]:
    customer, terminal = rng.randrange(CUSTOMERS), rng.randrange(TERMINALS)
    age = rng.random()
    back = (
        rng.randint(0, 16 * DAY_MS) if age < PAST else rng.randint(0, 45 * DAY_MS) if age < PAST + OLD else 0
    )
    return {
        "transaction_id": name,
        "customer_id": f"c{customer:06}",
        "card_id": f"k{customer:06}",
        "terminal_id": f"t{terminal:06}",
        "amount_minor": rng.randint(1, 50_000),
        "currency": "USD" if rng.random() < 0.1 else "EUR",
        "entry_mode": "CHIP",
        "event_time": happened - back,
    }


def _click(rng: random.Random, happened: int, name: str) -> dict[str, object]:
    user = f"c{rng.randrange(CUSTOMERS):06}"
    nothing = {"product_id": None, "category": None}
    return {"click_id": name, "user_id": user, "page": "/", **nothing, "event_time": happened}


def _report(value: dict[str, object], reported: int) -> dict[str, object]:
    kept = {name: value[name] for name in ("transaction_id", "customer_id", "terminal_id")}
    return {
        "report_id": f"r-{value['transaction_id']}",
        **kept,
        "transaction_time": value["event_time"],
        "event_time": reported,
    }


def until(events: Iterator[Arrival], stopped: Callable[[], bool]) -> Iterator[Arrival]:
    """Yield events until `stopped`; asked before each."""
    for event in events:
        if stopped():
            return
        yield event


async def run(options: argparse.Namespace) -> None:
    """Obey the lines of standard input until it is closed."""
    key = orjson.loads(options.api_key_file.read_bytes())["key"]
    senders: list[Sender] = [HttpSender(options.http, key), GrpcSender(options.grpc, key)]
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    sending: asyncio.Task[None] | None = None
    with Ledger(options.ledger) as ledger:
        traffic = LiveTraffic(senders, ledger, EVENT_IDS)
        while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
            if line == "go":
                stopped.clear()
                now = time.time_ns() // 1_000_000
                coming = arrivals(options.seed + now, now, options.rate, ahead=options.ahead)
                events = until(coming, stopped.is_set)
                sending = asyncio.create_task(traffic.run(events, float("inf")))
                continue
            stopped.set()
            while sending is not None and not sending.done():
                await asyncio.wait([sending], timeout=1.0)
                if not sending.done():
                    _say(traffic, done=False)
            if sending is not None:
                sending.result()
            ledger.flush()
            _say(traffic, done=True)
    for sender in senders:
        await sender.close()


def _say(traffic: LiveTraffic, *, done: bool) -> None:
    sys.stdout.write(orjson.dumps({**traffic.tally.line(), "done": done}).decode() + "\n")
    sys.stdout.flush()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.load", description=__doc__)
    parser.add_argument("--ledger", type=Path, required=True, help="file to note acknowledgements in")
    parser.add_argument("--http", required=True, help="base URL of the gateway")
    parser.add_argument("--grpc", required=True, help="host:port of the gateway's gRPC server")
    parser.add_argument("--api-key-file", type=Path, required=True, help="JSON file with `key`")
    parser.add_argument("--rate", type=float, default=40.0, help="events a second")
    parser.add_argument("--ahead", action="store_true", help="date some events minutes ahead")
    parser.add_argument("--seed", type=int, default=1, help="of what the events are, with the time")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(run(arguments()))
