"""Merchants: name, category and country of a terminal, derived from its number (ours, not the book's)."""

import zlib
from functools import cache
from typing import NamedTuple

CATEGORIES = (
    "grocery", "fuel", "restaurant", "fashion", "electronics", "pharmacy",
    "travel", "books", "home", "sports", "online", "entertainment",
)  # fmt: skip
COUNTRIES = ("DE", "FR", "IT", "ES", "NL", "BE", "AT", "IE", "PT", "FI")  # all pay in euros
CURRENCY = "EUR"

_PLACES = (
    "Harbour", "Station", "Market", "Garden", "Mill", "Castle", "River", "Abbey", "Lantern", "Orchard",
    "Bridge", "Tower", "Meadow", "Canal", "Summit", "Chapel", "Forge", "Willow", "Copper", "North",
)  # fmt: skip
_TRADES = {
    "grocery": ("Foods", "Grocers", "Market Hall"),
    "fuel": ("Fuel", "Service Station", "Motors"),
    "restaurant": ("Kitchen", "Bistro", "Tavern"),
    "fashion": ("Tailors", "Outfitters", "Shoes"),
    "electronics": ("Electronics", "Cameras", "Hi-Fi"),
    "pharmacy": ("Pharmacy", "Apothecary", "Chemists"),
    "travel": ("Travel", "Hotel", "Rail Tickets"),
    "books": ("Books", "Stationers", "Press"),
    "home": ("Interiors", "Hardware", "Furniture"),
    "sports": ("Sports", "Cycles", "Outdoor"),
    "online": ("Direct", "Webshop", "Mail Order"),
    "entertainment": ("Cinema", "Theatre", "Arcade"),
}


class Merchant(NamedTuple):
    """Who stands behind a terminal."""

    name: str
    category: str
    country: str


@cache
def merchant_of(terminal: int) -> Merchant:
    """The merchant behind terminal number `terminal` (0, 1, ...)."""
    digest = zlib.crc32(b"merchant/%d" % terminal)
    digest, category = divmod(digest, len(CATEGORIES))
    digest, country = divmod(digest, len(COUNTRIES))
    digest, place = divmod(digest, len(_PLACES))
    trades = _TRADES[CATEGORIES[category]]
    name = f"{_PLACES[place]} {trades[digest % len(trades)]}"
    return Merchant(name, CATEGORIES[category], COUNTRIES[country])
