"""A seeded world of card payments: no clock, no I/O; the caller says what time it is and does the waiting.

world = World.ending_at(now_ms)          # keep world.first_day: the next run goes on with the same days
for row in customers(world): ...         # rows of the bank's tables
for arrival in history(world, now_ms): ...
for arrival in live(world, now_ms, rate=10, flaws=Flaws()): ...  # endless
"""

from payments.simulator.dimensions import cards, customers, terminals
from payments.simulator.events import CLICKS, FRAUD_REPORTS, TRANSACTIONS, Arrival, Flaw
from payments.simulator.history import history
from payments.simulator.live import NO_FLAWS, Flaws, live
from payments.simulator.parameters import HISTORY_DAYS, LOADED_DAYS, WorldParameters
from payments.simulator.world import World

__all__ = [
    "CLICKS",
    "FRAUD_REPORTS",
    "HISTORY_DAYS",
    "LOADED_DAYS",
    "NO_FLAWS",
    "TRANSACTIONS",
    "Arrival",
    "Flaw",
    "Flaws",
    "World",
    "WorldParameters",
    "cards",
    "customers",
    "history",
    "live",
    "terminals",
]
