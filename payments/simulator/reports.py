"""Fraud reports: every fraud is reported, days after it happened (ours, not the book's).

The delay is log-normal with a median of 2 days; 98 % come within 7 days and none after 30.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from payments.simulator.draws import Stream, stream
from payments.simulator.transactions import Transactions
from payments.simulator.world import DAY_MS, Integers, World


@dataclass(frozen=True, eq=False)
class Reports:
    """Parallel arrays [n]: which transaction (its place in the day) and when it was reported."""

    index: Integers
    reported_ms: Integers


def reports_of_day(world: World, day: int, transactions: Transactions) -> Reports:
    """The reports of the frauds among simulated day `day`'s transactions, whenever they come."""
    index = np.flatnonzero(transactions.scenario)
    delay_ms = draw_delays(world, len(index), stream(world.seed, Stream.REPORTS, day))
    return Reports(index, transactions.time_ms[index] + delay_ms)


def draw_delays(world: World, size: int, rng: np.random.Generator) -> Integers:
    """Milliseconds from fraud to report, [size]."""
    parameters = world.parameters
    delay_days = rng.lognormal(np.log(parameters.report_median_days), parameters.report_sigma, size)
    return (np.minimum(delay_days, parameters.report_max_days) * DAY_MS).astype(np.int64)


def report_of(transaction: dict[str, Any], reported_ms: int) -> dict[str, Any]:
    """Value of payments.fraud-reports.v1 for a transaction's value."""
    return {
        "report_id": f"r-{transaction['transaction_id']}",
        "tenant": transaction["tenant"],
        "transaction_id": transaction["transaction_id"],
        "customer_id": transaction["customer_id"],
        "terminal_id": transaction["terminal_id"],
        "transaction_time": transaction["event_time"],
        "event_time": reported_ms,
    }
