from flink_jobs.windows.aggregate import query
from tests.support.window_declarations import SESSION, bound


def sql(*, bounded=False, **changes):
    return " ".join(query(bound(**changes), bounded=bounded).split())


def test_tenant_is_part_of_every_key():
    assert sql().endswith("GROUP BY `window_start`, `window_end`, `tenant`, `category`, `currency`")


def test_the_same_query_in_batch_but_for_sessions():
    assert sql() == sql(bounded=True)
    assert sql(assign=SESSION) != sql(assign=SESSION, bounded=True)


def test_each_function_and_its_condition():
    found = sql(
        aggregates={
            "n": {"function": "count", "where": {"outcome": "DECLINE"}},
            "kinds": {"function": "count_distinct", "field": "category"},
            "most": {"function": "max", "field": "amount_minor"},
            "least": {"function": "min", "field": "amount_minor"},
            "total": {"function": "sum", "field": "amount_minor"},
        }
    )
    assert "COUNT(*) FILTER (WHERE (`outcome` IN ('DECLINE') IS TRUE)) AS `n`" in found
    assert "COUNT(DISTINCT `category`) AS `kinds`" in found
    assert "MAX(`amount_minor`) AS `most`, MIN(`amount_minor`) AS `least`" in found
    assert "SUM(CAST(`amount_minor` AS BIGINT)) AS `total`" in found


def test_a_ratio_of_nothing_is_null():
    found = sql(
        aggregates={"n": {"function": "count"}, "d": {"function": "count", "where": {"outcome": "DECLINE"}}},
        derived={"rate": {"ratio": ["d", "n"]}},
    )
    assert "AS DOUBLE) / NULLIF(COUNT(*), 0) AS `rate`" in found


def test_a_stream_has_session_windows_per_key():
    rows = "TABLE `timely` PARTITION BY (`tenant`, `category`, `currency`)"
    assert f"TABLE(SESSION({rows}, DESCRIPTOR(`et`), INTERVAL '0 00:30:00.000'" in sql(assign=SESSION)


def test_a_batch_session_begins_after_more_than_the_gap():
    found = sql(assign=SESSION, bounded=True)
    assert "CASE WHEN `ts` <= LAG(`ts`) OVER (" in found
    assert ") + 1800000 THEN 0 ELSE 1 END AS `begins`" in found
    assert "MAX(`ts`) + 1800000" in found
