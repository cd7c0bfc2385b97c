"""The past: all transactions, fraud reports and clicks up to now, in event-time order."""

from collections.abc import Iterator
from itertools import count
from operator import itemgetter
from typing import Any

import numpy as np

from payments.simulator.clicks import clicks_of_day
from payments.simulator.events import CLICKS, FRAUD_REPORTS, TRANSACTIONS, Arrival
from payments.simulator.parameters import LOADED_DAYS
from payments.simulator.reports import report_of, reports_of_day
from payments.simulator.transactions import Transactions, as_events, transactions_of_day
from payments.simulator.world import World


def history(world: World, now_ms: int, days: int = LOADED_DAYS) -> Iterator[Arrival]:
    """The last `days` simulated days up to `now_ms` (exclusive), today being one of them.

    In event-time order over all topics, without flaws; `due_ms` is the event time. Reports of frauds from
    before the first of these days are left out, as are those that come only after now (see `open_reports`).
    Draws a day at a time: about 0.2 s and 15 MB each.
    """
    waiting: list[dict[str, Any]] = []
    for day in _days(world, now_ms, days):
        transactions = _happened(world, day, now_ms)
        waiting.extend(_reports(world, day, transactions))
        end_ms = min(world.start_ms(day + 1), now_ms)
        values = as_events(transactions, _prefix(day), count())
        arrivals = [Arrival(value["event_time"], TRANSACTIONS, value) for value in values]
        arrivals += [
            Arrival(click["event_time"], CLICKS, click)
            for click in clicks_of_day(world, day)
            if click["event_time"] < end_ms
        ]
        arrivals += [Arrival(r["event_time"], FRAUD_REPORTS, r) for r in waiting if r["event_time"] < end_ms]
        waiting = [report for report in waiting if report["event_time"] >= end_ms]
        arrivals.sort(key=lambda arrival: arrival.due_ms)
        yield from arrivals


def open_reports(world: World, now_ms: int, days: int = LOADED_DAYS) -> list[dict[str, Any]]:
    """Reports of frauds in `history(world, now_ms, days)` that come at or after `now_ms`, in order."""
    found = [
        report
        for day in _days(world, now_ms, days)
        for report in _reports(world, day, _happened(world, day, now_ms))
        if report["event_time"] >= now_ms
    ]
    return sorted(found, key=itemgetter("event_time"))


def _days(world: World, now_ms: int, days: int) -> range:
    last = world.day_of(now_ms)
    return range(max(0, last - days + 1), last + 1)


def _prefix(day: int) -> str:
    return f"h{day:03d}"


def _happened(world: World, day: int, now_ms: int) -> Transactions:
    """Transactions of a day before `now_ms`."""
    transactions = transactions_of_day(world, day)
    return transactions[: int(np.searchsorted(transactions.time_ms, now_ms))]


def _reports(world: World, day: int, transactions: Transactions) -> list[dict[str, Any]]:
    """Reports of the frauds among a day's transactions, whenever they come."""
    reports = reports_of_day(world, day, transactions)
    values = as_events(transactions[reports.index], _prefix(day), reports.index.tolist())
    return [report_of(value, at) for value, at in zip(values, reports.reported_ms.tolist(), strict=True)]
