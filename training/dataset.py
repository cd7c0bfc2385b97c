"""Feature vectors and labels of the training to the test days, by the functions that the services use."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from payments.features import customer_features, terminal_features, vector
from payments.labels import NO_LABELS, Labels, Report
from payments.logs import MemoryLogs
from payments.simulator.merchants import CURRENCY
from payments.simulator.reports import reports_of_day
from payments.simulator.transactions import Transactions, transactions_of_day
from payments.simulator.world import World
from training.protocol import Protocol

TENANT = "default"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Parallel arrays [n] in event-time order; `vectors` [n, features] in the order of FEATURES.

    `reported_ms` is when a transaction was reported as fraud, or the greatest integer when it was not.
    """

    vectors: NDArray[np.float64]
    customer: NDArray[np.int64]
    day: NDArray[np.int64]
    reported_ms: NDArray[np.int64]

    def on(self, days: range) -> "Dataset":
        """The part of the given days."""
        chosen = (self.day >= days.start) & (self.day < days.stop)
        return Dataset(
            self.vectors[chosen], self.customer[chosen], self.day[chosen], self.reported_ms[chosen]
        )

    def frauds(self, known_at_ms: int) -> NDArray[np.bool_]:
        """Which transactions had been reported before `known_at_ms`."""
        return self.reported_ms < known_at_ms


NEVER = np.iinfo(np.int64).max


class _Features:
    """What the enricher and then the scorer do to a transaction, without the topics between."""

    def __init__(self) -> None:
        self._customers = MemoryLogs()
        self._terminals = MemoryLogs()
        self._labels: dict[int, Labels] = {}

    def learn(self, day: int, transactions: Transactions, reported_ms: NDArray[np.int64]) -> None:
        """Take the reports of a day's transactions; each counts only from when it was made."""
        for index in np.flatnonzero(reported_ms < NEVER).tolist():
            terminal = int(transactions.terminal[index])
            report = Report(f"{day}-{index}", int(transactions.time_ms[index]), int(reported_ms[index]))
            self._labels[terminal] = self._labels.get(terminal, NO_LABELS).with_report(report)

    def vectors(self, transactions: Transactions) -> Iterator[list[float]]:
        """The feature vector of each transaction, in order."""
        columns = (
            transactions.customer.tolist(),
            transactions.terminal.tolist(),
            transactions.time_ms.tolist(),
            transactions.amount_minor.tolist(),
        )
        for customer, terminal, time_ms, amount in zip(*columns, strict=True):
            known = self._labels.get(terminal, NO_LABELS)
            of_customer = customer_features(
                self._customers, TENANT, f"c{customer:06d}", CURRENCY, time_ms, amount
            )
            of_terminal = terminal_features(self._terminals, TENANT, f"t{terminal:06d}", time_ms, known)
            yield vector(amount, time_ms, of_customer, of_terminal)


def build(protocol: Protocol) -> Dataset:
    """Simulate the protocol's days and compute the features; about 15 s on one core for the demo's world."""
    world = protocol.create_world()
    features = _Features()
    parts = []
    for day in protocol.days:
        transactions = transactions_of_day(world, day)
        reported_ms = _reported(world, day, transactions)
        features.learn(day, transactions, reported_ms)
        vectors = list(features.vectors(transactions))
        if day >= protocol.train.start:
            days = np.full(len(transactions), day, np.int64)
            parts.append(Dataset(np.array(vectors), transactions.customer, days, reported_ms))
    return Dataset(
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.customer for part in parts]),
        np.concatenate([part.day for part in parts]),
        np.concatenate([part.reported_ms for part in parts]),
    )


def _reported(world: World, day: int, transactions: Transactions) -> NDArray[np.int64]:
    reports = reports_of_day(world, day, transactions)
    reported_ms = np.full(len(transactions), NEVER, np.int64)
    reported_ms[reports.index] = reports.reported_ms
    return reported_ms
