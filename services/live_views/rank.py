"""Answers to the questions that the views take, out of the rows. Pure: `now_ms` is an argument."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypedDict

from services.live_views.fold import live_buckets
from services.live_views.keys import parts
from services.live_views.rows import BalanceRow, MerchantRow

Order = Literal["count", "amount"]


class Balance(TypedDict):
    """One currency of a customer; `balance_minor` is null while no decision has known the limit."""

    currency: str
    credit_limit_minor: int | None
    approved_minor: int
    approved_count: int
    balance_minor: int | None
    as_of_ms: int


class Merchant(TypedDict):
    """One merchant's approved payments in one currency over the recent hour."""

    merchant_name: str
    currency: str
    category: str | None
    approved_count: int
    approved_minor: int


def balances(rows: Iterable[BalanceRow]) -> list[Balance]:
    """A customer's balances, one per currency in alphabetical order; amounts never mix currencies.

    Args:
        rows: that customer's rows, one per input partition that has decisions of it.
    """
    newest_first = sorted(rows, key=lambda row: row["as_of_ms"], reverse=True)
    limit = next((r["credit_limit_minor"] for r in newest_first if r["credit_limit_minor"] is not None), None)
    currencies = sorted({currency for row in newest_first for currency in row["approved"]})
    return [_balance(currency, limit, newest_first) for currency in currencies]


def _balance(currency: str, limit: int | None, newest_first: list[BalanceRow]) -> Balance:
    sums = [row["approved"].get(currency, [0, 0]) for row in newest_first]
    approved = sum(amount for _, amount in sums)
    return Balance(
        currency=currency,
        credit_limit_minor=limit,
        approved_minor=approved,
        approved_count=sum(count for count, _ in sums),
        balance_minor=None if limit is None else limit - approved,
        as_of_ms=newest_first[0]["as_of_ms"],
    )


def top_merchants(
    rows: Mapping[str, MerchantRow], tenant: str, now_ms: int, *, by: Order, limit: int
) -> list[Merchant]:
    """The merchants of a tenant with most approved payments (or amount) in the hour before `now_ms`.

    Ties break by name, then currency, so that equal states give equal answers. Ordered by amount, currencies
    are compared by number only: ask for one tenant that bills in one currency, or order by count.
    """
    sums: dict[tuple[str, str], Merchant] = {}
    for key, row in rows.items():
        _, row_tenant, (name, currency) = parts(key)
        if row_tenant != tenant:
            continue
        for count, amount in live_buckets(row, now_ms).values():
            merchant = sums.setdefault(
                (name, currency),
                Merchant(
                    merchant_name=name,
                    currency=currency,
                    category=row["category"],
                    approved_count=0,
                    approved_minor=0,
                ),
            )
            merchant["approved_count"] += count
            merchant["approved_minor"] += amount

    def rank(merchant: Merchant) -> tuple[int, str, str]:
        size = merchant["approved_count"] if by == "count" else merchant["approved_minor"]
        return -size, merchant["merchant_name"], merchant["currency"]

    return sorted(sums.values(), key=rank)[:limit]
