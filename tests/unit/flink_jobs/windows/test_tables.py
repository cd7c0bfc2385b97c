from flink_jobs.windows.aggregate import query
from flink_jobs.windows.rule import views
from flink_jobs.windows.tables import columns, create, late_columns
from tests.support.window_declarations import bound


def test_the_columns_are_those_of_the_query_in_its_order():
    window = bound(derived={"share": {"ratio": ["amount_minor", "orders"]}})
    assert list(columns(window)) == [
        "tenant", "category", "currency", "window_start", "window_end", "orders", "amount_minor", "share",
    ]  # fmt: skip
    text = query(window, bounded=False).split("FROM `timely`")[0]
    assert sorted(columns(window), key=lambda name: text.rindex(f"`{name}`")) == list(columns(window))


def test_a_maximum_has_its_fields_type():
    window = bound(aggregates={"last": {"function": "max", "field": "outcome"}, "n": {"function": "count"}})
    assert columns(window)["last"] == "STRING"
    assert columns(window)["n"] == "BIGINT"


def test_a_late_row_says_why_and_where_it_stands_in_the_log(window):
    found = late_columns(window)
    assert list(found)[: len(window.fields)] == [field.name for field in window.fields]
    assert {"reason", "window_start", "window_end", "source_partition", "source_offset"} < set(found)
    late = views(window, bounded=False)[-1]
    assert all(f"`{name}`" in late for name in found)


def test_making_a_table_leaves_one_that_is_there():
    sql = create("gold", "sales", {"a": "BIGINT"})
    assert sql.startswith("CREATE TABLE IF NOT EXISTS `lake`.`gold`.`sales` (\n  `a` BIGINT\n)")
