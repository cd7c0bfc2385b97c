"""The simulated world: who and where the customers and terminals are, and which terminals a customer uses."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from payments.simulator.draws import Stream, stream
from payments.simulator.parameters import HISTORY_DAYS, WorldParameters

DAY_MS = 86_400_000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class World:
    """Customers, terminals and the day that everything is counted from.

    Arrays are indexed by customer or terminal number. Terminals within reach of customer c are
    `reach[reach_start[c] : reach_start[c + 1]]`. `first_day` is simulated day 0, as days since 1970-01-01
    UTC: the same seed on another first day gives the same transactions, shifted.
    """

    seed: int
    first_day: int
    parameters: WorldParameters
    home: Floats  # [customers, 2]
    mean_amount: Floats  # [customers]
    daily_rate: Floats  # [customers] transactions per day
    place: Floats  # [terminals, 2]
    reach_start: Integers  # [customers + 1]
    reach: Integers

    @classmethod
    def create(cls, seed: int, first_day: int, parameters: WorldParameters | None = None) -> "World":
        """Draw the world of `seed`; about 0.2 s for the book's sizes."""
        parameters = parameters or WorldParameters()
        customers = stream(seed, Stream.CUSTOMERS)
        home = customers.uniform(0, parameters.grid, (parameters.customers, 2))
        mean_amount = customers.uniform(*parameters.mean_amount, parameters.customers)
        daily_rate = customers.uniform(*parameters.transactions_per_day, parameters.customers)
        place = stream(seed, Stream.TERMINALS).uniform(0, parameters.grid, (parameters.terminals, 2))
        reach_start, reach = _within(home, place, parameters.radius)
        return cls(seed, first_day, parameters, home, mean_amount, daily_rate, place, reach_start, reach)

    @classmethod
    def ending_at(
        cls,
        now_ms: int,
        seed: int = 1,
        *,
        past_days: int = HISTORY_DAYS,
        parameters: WorldParameters | None = None,
    ) -> "World":
        """The world whose `past_days`-th day (the last of its history) is the UTC day of `now_ms`."""
        return cls.create(seed, now_ms // DAY_MS - past_days + 1, parameters)

    def day_of(self, time_ms: int) -> int:
        """Simulated day of a time: 0 on the first day, negative before."""
        return time_ms // DAY_MS - self.first_day

    def start_ms(self, day: int) -> int:
        """First millisecond of a simulated day."""
        return (self.first_day + day) * DAY_MS


def _within(home: Floats, place: Floats, radius: float) -> tuple[Integers, Integers]:
    """For each home the places within `radius`, as one concatenated array and where each part starts."""
    by_x = np.argsort(place[:, 0], kind="stable")
    sorted_x = place[by_x, 0]
    low = np.searchsorted(sorted_x, home[:, 0] - radius)
    high = np.searchsorted(sorted_x, home[:, 0] + radius)
    parts = []
    for point, first, last in zip(home, low, high, strict=True):
        candidates = by_x[first:last]
        near = np.sum((place[candidates] - point) ** 2, axis=1) < radius**2
        parts.append(np.sort(candidates[near]))
    starts = np.concatenate(([0], np.cumsum([len(part) for part in parts])))
    return starts.astype(np.int64), np.concatenate(parts).astype(np.int64)
