"""Rows of the bank's tables: customers, cards (one per customer) and terminals, derived from the world.

What the book has no word for is ours: segments, credit limits, card states and expiry dates.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from payments.simulator.merchants import merchant_of
from payments.simulator.world import World

_EPOCH = date(1970, 1, 1)
_BLOCKED_EVERY = 499  # one card in so many is blocked: its transactions meet a rule


def customers(world: World) -> Iterator[dict[str, Any]]:
    """Rows of bank.customers; a limit of about two months of the customer's spending, at least 1,000.00."""
    for number, (home, mean, rate) in enumerate(
        zip(world.home.tolist(), world.mean_amount.tolist(), world.daily_rate.tolist(), strict=True)
    ):
        spending = mean * rate * 60
        yield {
            "customer_id": f"c{number:06d}",
            "segment": "premium" if mean > 85 else "young" if mean < 20 else "retail",
            "home_x": home[0],
            "home_y": home[1],
            "credit_limit_minor": max(1_000, round(spending / 500) * 500) * 100,
        }


def cards(world: World) -> Iterator[dict[str, Any]]:
    """Rows of bank.cards; they expire one to five years after the world's first day."""
    first_day = _EPOCH + timedelta(days=world.first_day)
    for number in range(world.parameters.customers):
        yield {
            "card_id": f"k{number:06d}",
            "customer_id": f"c{number:06d}",
            "status": "blocked" if number % _BLOCKED_EVERY == _BLOCKED_EVERY - 1 else "active",
            "expires_on": date(first_day.year + 1 + number % 5, 1 + number % 12, 28),
        }


def terminals(world: World) -> Iterator[dict[str, Any]]:
    """Rows of bank.terminals."""
    for number, place in enumerate(world.place.tolist()):
        merchant = merchant_of(number)
        yield {
            "terminal_id": f"t{number:06d}",
            "merchant_name": merchant.name,
            "category": merchant.category,
            "country": merchant.country,
            "x": place[0],
            "y": place[1],
        }
