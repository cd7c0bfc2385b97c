import pytest
from pydantic import ValidationError

from tests.support.window_declarations import SESSION, declared


def test_times_are_milliseconds_and_add_up():
    window = declared()
    assert (window.assign.size, window.settle_ms) == (60_000, 305_000)
    assert (window.table, window.late_table) == ("sales", "sales_late")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": "Sales"}, "should match pattern"),
        ({"keys": []}, "at least 1 item"),
        ({"keys": ["tenant", "category"]}, "part of every key by itself"),
        ({"keys": ["category", "category"]}, "expected each field once"),
        ({"assign": {"type": "slide"}}, "does not match any of the expected tags"),
        ({"assign": {"type": "tumble", "size": "0s"}}, "greater than 0"),
        ({"assign": {"type": "hop", "size": "5m", "slide": "2m"}}, "size to be 2, 3, ... times slide"),
        ({"assign": {"type": "hop", "size": "1m", "slide": "1m"}}, "size to be 2, 3, ... times slide"),
        ({"assign": {"type": "session", "gap": "30 minutes"}}, "expected a number and a unit"),
        ({"aggregates": {}}, "at least 1 item"),
        ({"aggregates": {"a": {"function": "count", "field": "x"}}}, "count counts rows"),
        ({"aggregates": {"a": {"function": "sum"}}}, "field is missing: sum needs one"),
        ({"aggregates": {"a": {"function": "median", "field": "x"}}}, "'count', 'count_distinct'"),
        ({"aggregates": {"window_end": {"function": "count"}}}, "'window_end' is there already"),
        ({"aggregates": {"category": {"function": "count"}}}, "'category' is there already"),
        ({"derived": {"orders": {"ratio": ["orders", "orders"]}}}, "'orders' is there already"),
        ({"derived": {"r": {"ratio": ["orders", "sum"]}}}, "'sum' is none of orders, amount_minor"),
        ({"checkpoint_interval": "10ms"}, "greater than or equal to 1000"),
        ({"lateness": 300}, "expected a number and a unit"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_said(changes, message):
    with pytest.raises(ValidationError, match=message.replace("...", r"\.\.\.")):
        declared(**changes)


def test_a_provisional_result_comes_before_the_final_one():
    assert declared(provisional={"after": "2s"}).provisional.after == 2000
    with pytest.raises(ValidationError, match=r"provisional.after: got 305000 ms, expected less"):
        declared(provisional={"after": "305s"})


def test_a_session_has_no_provisional_result():
    with pytest.raises(ValidationError, match="a session has no end before it is final"):
        declared(assign=SESSION, provisional={"after": "1s"})


@pytest.mark.parametrize("name", ["sales_late", "sales_provisional"])
def test_no_window_is_named_as_another_ones_table(name):
    with pytest.raises(ValidationError, match="tables beside a window's own end so"):
        declared(window=name)
