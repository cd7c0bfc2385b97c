from services.live_views.fold import BUCKET_MS, bucket_of
from services.live_views.keys import partition_of, parts, row_key
from services.live_views.rank import balances, top_merchants
from services.live_views.rows import BalanceRow, MerchantRow

NOW = 1_790_000_000_000


def balance(limit: int | None, as_of_ms: int, **approved: list[int]) -> BalanceRow:
    return BalanceRow(v=1, next_offset=1, credit_limit_minor=limit, approved=approved, as_of_ms=as_of_ms)


def merchant(*sums: list[int], age: int = 0) -> MerchantRow:
    start = bucket_of(NOW) - age
    buckets = {str(start - i * BUCKET_MS): each for i, each in enumerate(sums)}
    return MerchantRow(v=1, next_offset=1, category="books", buckets=buckets)


def test_a_key_holds_its_parts_whatever_they_contain() -> None:
    key = row_key(3, 'te"n,ant', "c[1]", "EUR")
    assert parts(key) == (3, 'te"n,ant', ("c[1]", "EUR"))
    assert partition_of(key) == 3


def test_no_rows_no_balance() -> None:
    assert balances([]) == []


def test_balance_is_limit_minus_approved_over_all_partitions() -> None:
    [found] = balances([balance(1000, 5, EUR=[1, 300]), balance(900, 9, EUR=[2, 100])])
    assert found["balance_minor"] == 900 - 400
    assert found["approved_count"] == 3
    assert found["as_of_ms"] == 9


def test_an_unknown_limit_is_an_unknown_balance() -> None:
    [found] = balances([balance(None, 5, EUR=[1, 300])])
    assert found["balance_minor"] is None


def test_each_currency_has_its_own_balance() -> None:
    found = balances([balance(1000, 5, USD=[1, 1], EUR=[1, 2])])
    assert [(each["currency"], each["balance_minor"]) for each in found] == [("EUR", 998), ("USD", 999)]


def test_top_merchants_adds_partitions_and_buckets_and_ranks() -> None:
    rows = {
        row_key(0, "default", "A", "EUR"): merchant([1, 900], [1, 50]),
        row_key(1, "default", "A", "EUR"): merchant([1, 5]),
        row_key(0, "default", "B", "EUR"): merchant([2, 5000]),
        row_key(0, "other", "Z", "EUR"): merchant([99, 99]),
        row_key(0, "default", "Old", "EUR"): merchant([99, 99], age=2 * 60 * 60_000),
    }
    by_count = top_merchants(rows, "default", NOW, by="count", limit=10)
    assert [(m["merchant_name"], m["approved_count"], m["approved_minor"]) for m in by_count] == [
        ("A", 3, 955),
        ("B", 2, 5000),
    ]
    assert [m["merchant_name"] for m in top_merchants(rows, "default", NOW, by="amount", limit=1)] == ["B"]


def test_equal_merchants_rank_by_name() -> None:
    rows = {row_key(0, "default", name, "EUR"): merchant([1, 1]) for name in ("b", "a", "c")}
    found = top_merchants(rows, "default", NOW, by="count", limit=3)
    assert [m["merchant_name"] for m in found] == ["a", "b", "c"]
