"""The present: traffic that continues the history at any rate, with the flaws that real clients have."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from payments.simulator.clicks import draw_visits
from payments.simulator.draws import Stream, stream
from payments.simulator.events import CLICKS, FRAUD_REPORTS, TRANSACTIONS, Arrival, Flaw
from payments.simulator.history import open_reports
from payments.simulator.reports import draw_delays, report_of
from payments.simulator.transactions import as_events, draw_payments
from payments.simulator.world import World

_CHUNK = 256  # transactions drawn at once
_VISITS_PER_TRANSACTION = 0.1
_LATE_MS = (60_000, 3_600_000)
_RETRY_MS = (200, 3_000)

# Arrivals that become known at a time, none of them due before it.
_Group = tuple[int, list[Arrival]]


@dataclass(frozen=True, slots=True)
class Flaws:
    """Shares of transactions that are sent twice, sent late, or broken."""

    retries: float = 0.01
    late: float = 0.01
    malformed: float = 0.005


NO_FLAWS = Flaws(0.0, 0.0, 0.0)


def live(world: World, start_ms: int, rate: float, flaws: Flaws = NO_FLAWS) -> Iterator[Arrival]:
    """Endless arrivals from `start_ms` on, in order of `due_ms`; it is the sender who waits until then.

    Transactions come as a Poisson process of `rate` per second (> 0), customers in proportion to their daily
    rates; with them half as many clicks. Frauds are reported days later; reports of the history's last frauds
    come when they are due. Ids begin with the start time, so that no run repeats another's. An arrival's
    event time is its due time, unless it is late or a retry. Makes about 20,000 transactions per second.
    """
    run = f"{start_ms:x}"
    number = count()
    waiting: list[tuple[int, int, Arrival]] = []
    old = [Arrival(report["event_time"], FRAUD_REPORTS, report) for report in open_reports(world, start_ms)]
    payments = _payments(world, start_ms, rate, flaws, run)
    visits = _visits(world, start_ms, rate * _VISITS_PER_TRANSACTION, run)
    for now_ms, group in heapq.merge([(start_ms, old)], payments, visits, key=_known_at):
        while waiting and waiting[0][0] <= now_ms:
            yield heapq.heappop(waiting)[2]
        for arrival in group:
            heapq.heappush(waiting, (arrival.due_ms, next(number), arrival))


def _known_at(group: _Group) -> int:
    return group[0]


def _payments(world: World, start_ms: int, rate: float, flaws: Flaws, run: str) -> Iterator[_Group]:
    """Each transaction with the arrivals that follow from it: its retry, its fraud report."""
    rng = stream(world.seed, Stream.LIVE, start_ms)
    busy = np.where(np.diff(world.reach_start) > 0, world.daily_rate, 0.0)
    clock = float(start_ms)
    for first in count(0, _CHUNK):
        due = clock + np.cumsum(rng.exponential(1000 / rate, _CHUNK))
        clock = float(due[-1])
        customer = rng.choice(len(busy), _CHUNK, p=busy / busy.sum())
        drawn = draw_payments(world, world.day_of(int(clock)), customer, due.astype(np.int64), rng)
        delays = draw_delays(world, _CHUNK, rng).tolist()
        luck, spread = rng.random(_CHUNK).tolist(), rng.random(_CHUNK).tolist()
        scenarios = drawn.scenario.tolist()
        for place, value in enumerate(as_events(drawn, f"l{run}", count(first))):
            due_ms = value["event_time"]
            arrivals = _arrivals(value, luck[place], spread[place], flaws)
            if scenarios[place] and arrivals[0].flaw is not Flaw.MALFORMED:
                report = report_of(arrivals[0].value, due_ms + delays[place])
                arrivals.append(Arrival(report["event_time"], FRAUD_REPORTS, report))
            yield due_ms, arrivals


def _arrivals(value: dict[str, Any], luck: float, spread: float, flaws: Flaws) -> list[Arrival]:
    """The transaction as it is sent; `luck` and `spread` in [0, 1) choose its flaw and how bad it is."""
    due_ms = value["event_time"]
    if luck < flaws.retries:
        again_ms = due_ms + _between(_RETRY_MS, spread)
        return [Arrival(due_ms, TRANSACTIONS, value), Arrival(again_ms, TRANSACTIONS, value, Flaw.RETRY)]
    luck -= flaws.retries
    if luck < flaws.late:
        late = {**value, "event_time": due_ms - _between(_LATE_MS, spread)}
        return [Arrival(due_ms, TRANSACTIONS, late, Flaw.LATE)]
    if luck < flaws.late + flaws.malformed:
        return [Arrival(due_ms, TRANSACTIONS, _broken(value, spread), Flaw.MALFORMED)]
    return [Arrival(due_ms, TRANSACTIONS, value)]


def _between(limits: tuple[int, int], share: float) -> int:
    low, high = limits
    return low + int((high - low) * share)


def _broken(value: dict[str, Any], share: float) -> dict[str, Any]:
    """One of the mistakes that clients make: amount as text, no customer, an entry mode of their own."""
    if share < 1 / 3:
        return {**value, "amount_minor": f"{value['amount_minor'] / 100:.2f}"}
    if share < 2 / 3:
        return {name: part for name, part in value.items() if name != "customer_id"}
    return {**value, "entry_mode": "TELEPATHY"}


def _visits(world: World, start_ms: int, rate: float, run: str) -> Iterator[_Group]:
    """Visits to the shop, `rate` per second, each with all its clicks."""
    rng = stream(world.seed, Stream.LIVE_CLICKS, start_ms)
    clock = float(start_ms)
    for first in count(0, _CHUNK):
        starts = clock + np.cumsum(rng.exponential(1000 / rate, _CHUNK))
        clock = float(starts[-1])
        for visit in draw_visits(world, starts.astype(np.int64), f"v{run}", first, rng):
            yield (
                visit[0]["event_time"],
                [Arrival(click["event_time"], CLICKS, click) for click in visit],
            )
