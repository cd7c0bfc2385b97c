"""Pure: whether live_views shows what the decisions of the log come to, added up anew."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

BUCKET_MS = 5 * 60_000
HOUR_MS = 60 * 60_000


class Shown:
    """Gathers decisions, each once, and says what each page has to show."""

    def __init__(self) -> None:
        self._approved: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(
            lambda: defaultdict(lambda: [0, 0])
        )
        self._limits: defaultdict[str, set[int]] = defaultdict(set)
        self._payments: list[tuple[int, str, str, int]] = []

    def decision(self, value: Mapping[str, Any]) -> None:
        """Take a decision."""
        customer, currency, amount = value["customer_id"], value["currency"], value["amount_minor"]
        sums = self._approved[customer][currency]
        if value["credit_limit_minor"] is not None:
            self._limits[customer].add(value["credit_limit_minor"])
        if value["outcome"] != "APPROVE":
            return
        sums[0] += 1
        sums[1] += amount
        if value["merchant_name"] is not None:
            self._payments.append((value["event_time"], value["merchant_name"], currency, amount))

    @property
    def customers(self) -> list[str]:
        """Everybody of whom there was a decision."""
        return sorted(self._approved)

    def wrong_balance(self, customer: str, page: Sequence[Mapping[str, Any]]) -> str | None:
        """Return what is wrong in a customer's balances, None when nothing is."""
        expected = {currency: tuple(sums) for currency, sums in self._approved[customer].items()}
        there = {each["currency"]: (each["approved_count"], each["approved_minor"]) for each in page}
        if there != expected:
            return f"balance of {customer}: {there}, expected {expected}"
        limits: set[int | None] = {*self._limits[customer]} or {None}
        for each in page:
            limit = each["credit_limit_minor"]
            balance = None if limit is None else limit - each["approved_minor"]
            if limit not in limits or each["balance_minor"] != balance:
                return f"balance of {customer}: {each}, of limits {limits}"
        return None

    def wrong_merchants(self, page: Mapping[str, Any]) -> str | None:
        """Return what is wrong in the list of all merchants of the recent hour, None when nothing is."""
        oldest = page["as_of_ms"] - page["as_of_ms"] % BUCKET_MS - HOUR_MS + BUCKET_MS
        expected: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for time_ms, merchant, currency, amount in self._payments:
            if time_ms >= oldest:
                expected[merchant, currency][0] += 1
                expected[merchant, currency][1] += amount
        there = {
            (each["merchant_name"], each["currency"]): [each["approved_count"], each["approved_minor"]]
            for each in page["merchants"]
        }
        for place in sorted(there.keys() | expected.keys()):
            if there.get(place) != expected.get(place):
                return f"merchant {place}: {there.get(place)}, expected {expected.get(place)}"
        return None
