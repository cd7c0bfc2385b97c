"""Which terminals and customers are compromised on a day: scenarios 2 and 3 of the book."""

from functools import lru_cache

import numpy as np

from payments.simulator.draws import Stream, stream
from payments.simulator.world import Integers, World


def compromised_terminals(world: World, day: int) -> Integers:
    """Numbers of the terminals where everything is a fraud on simulated day `day`."""
    parameters = world.parameters
    return _active(
        world,
        Stream.COMPROMISED_TERMINALS,
        day,
        parameters.terminal_compromise_days,
        (parameters.terminals, parameters.compromised_terminals_per_day),
    )


def compromised_customers(world: World, day: int) -> Integers:
    """Numbers of the customers a third of whose transactions are frauds on simulated day `day`."""
    parameters = world.parameters
    return _active(
        world,
        Stream.COMPROMISED_CUSTOMERS,
        day,
        parameters.customer_compromise_days,
        (parameters.customers, parameters.compromised_customers_per_day),
    )


def _active(world: World, purpose: Stream, day: int, lasting: int, draw: tuple[int, int]) -> Integers:
    """Union of what was drawn on the last `lasting` days; as in the book, the first day starts with none."""
    population, per_day = draw
    days = range(max(0, day - lasting + 1), day + 1)
    drawn = [_drawn(world.seed, purpose, earlier, population, min(per_day, population)) for earlier in days]
    return np.unique(np.concatenate(drawn)) if drawn else np.empty(0, np.int64)


@lru_cache(maxsize=256)
def _drawn(seed: int, purpose: Stream, day: int, population: int, size: int) -> Integers:
    return stream(seed, purpose, day).choice(population, size, replace=False)
