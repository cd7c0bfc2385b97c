"""Pure: what the rules may ask about a transaction, by the names of `payments.rules.VARIABLES`."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

_DAY_MS = 86_400_000

_Transaction = Mapping[str, Any]


def rule_values(
    names: Iterable[str], transaction: _Transaction, features: Mapping[str, float], score: float | None
) -> dict[str, Any]:
    """The values of the variables `names`: features, the model's score (0.0 without one), what was joined.

    Of an unknown customer, card or terminal all texts are empty.
    """
    values: dict[str, Any] = {}
    for name in names:
        known = _FROM_TRANSACTION.get(name)
        values[name] = known(transaction) if known else features.get(name, score or 0.0)
    return values


def _field(name: str) -> Callable[[_Transaction], Any]:
    return lambda transaction: transaction[name]


def _known(table: str) -> Callable[[_Transaction], bool]:
    return lambda transaction: transaction[table] is not None


def _column(table: str, name: str) -> Callable[[_Transaction], str]:
    def value(transaction: _Transaction) -> str:
        row = transaction[table]
        return row[name] if row is not None else ""

    return value


def _card_expired(transaction: _Transaction) -> bool:
    card = transaction["card"]
    expires_on = card["expires_on"] if card is not None else None
    return expires_on is not None and transaction["event_time"] // _DAY_MS > expires_on


_FROM_TRANSACTION: Mapping[str, Callable[[_Transaction], Any]] = {
    "currency": _field("currency"),
    "entry_mode": _field("entry_mode"),
    "customer_known": _known("customer"),
    "segment": _column("customer", "segment"),
    "card_known": _known("card"),
    "card_status": _column("card", "status"),
    "card_expired": _card_expired,
    "terminal_known": _known("terminal"),
    "merchant_name": _column("terminal", "merchant_name"),
    "category": _column("terminal", "category"),
    "country": _column("terminal", "country"),
}
