"""Visits to a web shop by the same customers (ours, not the book's): pages of the shop, then products."""

from itertools import pairwise
from typing import Any

import numpy as np

from payments.simulator.draws import Stream, stream
from payments.simulator.merchants import CATEGORIES
from payments.simulator.world import DAY_MS, Integers, World

_PAGES = ("/", "/search", "/offers", "/cart", "/checkout")
_PRODUCT_SHARE = 0.6
_POPULARITY = 1.3  # Zipf's exponent: a few products are looked at most


def clicks_of_day(world: World, day: int) -> list[dict[str, Any]]:
    """Values of web.clicks.v1 of simulated day `day` in event-time order; visits begin evenly over it."""
    rng = stream(world.seed, Stream.CLICKS, day)
    visits = int(rng.poisson(world.parameters.visits_per_day * world.parameters.customers))
    starts = world.start_ms(day) + np.sort(rng.integers(DAY_MS, size=visits))
    found = [click for visit in draw_visits(world, starts, f"w{day:03d}", 0, rng) for click in visit]
    found.sort(key=lambda click: click["event_time"])
    return found


def draw_visits(
    world: World, start_ms: Integers, id_prefix: str, first: int, rng: np.random.Generator
) -> list[list[dict[str, Any]]]:
    """The clicks of visits that begin at `start_ms` [n], with ids `<prefix>-<visit>-<page>` from `first`."""
    parameters = world.parameters
    sizes = rng.geometric(1 / parameters.pages_per_visit, len(start_ms))
    ends = np.cumsum(sizes)
    total, first_pages = int(ends[-1]) if len(ends) else 0, ends - sizes
    gaps = rng.exponential(parameters.seconds_between_pages * 1000, total)
    gaps[first_pages] = 0
    walked = np.cumsum(gaps)
    times = np.repeat(start_ms - walked[first_pages].astype(np.int64), sizes) + walked.astype(np.int64)
    users = np.repeat(rng.integers(parameters.customers, size=len(sizes)), sizes)
    products = (rng.zipf(_POPULARITY, total) - 1) % parameters.products
    products[rng.random(total) >= _PRODUCT_SHARE] = -1
    columns = (users, times, products, rng.integers(len(_PAGES), size=total))
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    bounds = pairwise([0, *ends.tolist()])
    return [
        [_click(f"{id_prefix}-{visit:06d}-{page}", row) for page, row in enumerate(rows[start:end])]
        for visit, (start, end) in enumerate(bounds, first)
    ]


def _click(click_id: str, row: tuple[int, int, int, int]) -> dict[str, Any]:
    user, time_ms, product, page = row
    product_id = None if product < 0 else f"p{product:05d}"
    return {
        "click_id": click_id,
        "tenant": "default",
        "user_id": f"c{user:06d}",
        "page": _PAGES[page] if product_id is None else f"/products/{product_id}",
        "product_id": product_id,
        "category": None if product < 0 else CATEGORIES[product % len(CATEGORIES)],
        "event_time": time_ms,
    }
