import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flink_jobs.windows.durations import parse


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("500ms", 500), ("5s", 5000), ("1m", 60_000), ("2h", 7_200_000), ("1d", 86_400_000), ("0s", 0)],
)
def test_a_number_and_a_unit(text, milliseconds):
    assert parse(text) == milliseconds


@pytest.mark.parametrize("text", ["5", "s", "5 s", "-5s", "05s", "5.5s", "5w", "", 5, None])
def test_anything_else_is_refused_and_shown(text):
    with pytest.raises(ValueError, match="expected a number and a unit") as caught:
        parse(text)
    assert repr(text) in str(caught.value)


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_units_agree_with_each_other(number):
    assert parse(f"{number}m") == 60 * parse(f"{number}s") == 60_000 * parse(f"{number}ms")
