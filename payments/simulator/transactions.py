"""Transactions of one simulated day, as arrays, with the fraud scenario that each belongs to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from payments.simulator.draws import Stream, stream
from payments.simulator.frauds import compromised_customers, compromised_terminals
from payments.simulator.merchants import CURRENCY, merchant_of
from payments.simulator.world import DAY_MS, Floats, Integers, World

ENTRY_MODES = ("CONTACTLESS", "CHIP", "MAGSTRIPE", "ECOMMERCE")
_MODE_SHARES = (0.6, 0.95)  # contactless below the first, chip below the second, else the magnetic stripe


@dataclass(frozen=True, eq=False)
class Transactions:
    """Parallel arrays [n], in event-time order. `scenario` is 0 for genuine, 1 to 3 for the book's frauds."""

    customer: Integers
    terminal: Integers
    time_ms: Integers  # since 1970-01-01 UTC
    amount_minor: Integers
    scenario: NDArray[np.int8]
    share: Floats  # uniform, for what is derived of a transaction (its entry mode)

    def __len__(self) -> int:
        return len(self.customer)

    def __getitem__(self, chosen: slice | NDArray[Any]) -> "Transactions":
        """The transactions at the given places."""
        return Transactions(
            self.customer[chosen],
            self.terminal[chosen],
            self.time_ms[chosen],
            self.amount_minor[chosen],
            self.scenario[chosen],
            self.share[chosen],
        )


def transactions_of_day(world: World, day: int) -> Transactions:
    """All transactions of simulated day `day` (0, 1, ...): a function of seed and day; about 3 ms."""
    rng = stream(world.seed, Stream.TRANSACTIONS, day)
    counts = rng.poisson(world.daily_rate)
    counts[np.diff(world.reach_start) == 0] = 0  # nowhere to pay
    customer = np.repeat(np.arange(len(counts)), counts)
    second = rng.normal(*world.parameters.second_of_day, len(customer))
    inside = (second > 0) & (second < DAY_MS / 1000)
    customer, second = customer[inside], second[inside]
    order = np.argsort(second, kind="stable")
    customer, time_ms = customer[order], world.start_ms(day) + (second[order] * 1000).astype(np.int64)
    return draw_payments(world, day, customer, time_ms, rng)


def draw_payments(
    world: World, day: int, customer: Integers, time_ms: Integers, rng: np.random.Generator
) -> Transactions:
    """Choose terminal, amount and fraud for given customers [n] and times [n] of simulated day `day`."""
    start, end = world.reach_start[customer], world.reach_start[customer + 1]
    terminal = world.reach[start + (rng.random(len(customer)) * (end - start)).astype(np.int64)]
    mean = world.mean_amount[customer]
    amount = rng.normal(mean, mean / 2)
    amount = np.where(amount < 0, rng.uniform(0, 2 * mean), amount)
    amount_minor = np.rint(amount * 100).astype(np.int64)
    third = rng.random(len(customer)) < world.parameters.customer_fraud_share
    share = rng.random(len(customer))

    scenario = np.zeros(len(customer), np.int8)
    scenario[amount_minor > round(world.parameters.large_amount * 100)] = 1
    scenario[np.isin(terminal, compromised_terminals(world, day))] = 2
    taken = np.isin(customer, compromised_customers(world, day)) & third
    amount_minor[taken] = np.rint(amount_minor[taken] * world.parameters.customer_fraud_factor)
    scenario[taken] = 3
    return Transactions(customer, terminal, time_ms, amount_minor, scenario, share)


def as_events(transactions: Transactions, id_prefix: str, numbers: Iterable[int]) -> list[dict[str, Any]]:
    """Values of payments.transactions.v1 with ids `<prefix>-<number>`, one number per transaction."""
    columns = (
        transactions.customer.tolist(),
        transactions.terminal.tolist(),
        transactions.time_ms.tolist(),
        transactions.amount_minor.tolist(),
        transactions.share.tolist(),
    )
    return [
        {
            "transaction_id": f"{id_prefix}-{number:06d}",
            "tenant": "default",
            "customer_id": f"c{customer:06d}",
            "card_id": f"k{customer:06d}",
            "terminal_id": f"t{terminal:06d}",
            "amount_minor": amount,
            "currency": CURRENCY,
            "entry_mode": _entry_mode(terminal, share),
            "event_time": time,
        }
        for customer, terminal, time, amount, share, number in zip(*columns, numbers, strict=False)
    ]


def _entry_mode(terminal: int, share: float) -> str:
    if merchant_of(terminal).category == "online":
        return ENTRY_MODES[3]
    contactless, chip = _MODE_SHARES
    return ENTRY_MODES[0 if share < contactless else 1 if share < chip else 2]
