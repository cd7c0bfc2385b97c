"""Random streams: one per purpose and day, so that any day can be drawn without the days before it."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream of random numbers is for. The numbers are part of the seed: never change one."""

    CUSTOMERS = 1
    TERMINALS = 2
    TRANSACTIONS = 3
    COMPROMISED_TERMINALS = 4
    COMPROMISED_CUSTOMERS = 5
    REPORTS = 6
    CLICKS = 7
    LIVE = 8
    LIVE_CLICKS = 9


def stream(seed: int, purpose: Stream, index: int = 0) -> np.random.Generator:
    """The generator for one purpose and day (or other non-negative index)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, int(purpose), index))))
