import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.latency import Latencies


def of(*milliseconds):
    latencies = Latencies()
    for each in milliseconds:
        latencies.add(each)
    return latencies


def test_without_latencies_there_are_no_quantiles():
    assert of().quantiles(0.5, 0.99) == (None, None)


@pytest.mark.parametrize(
    ("share", "milliseconds"), [(0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100), (0.001, 1)]
)
def test_a_quantile_is_a_latency_that_was_seen(share, milliseconds):
    assert of(*range(1, 101)).quantiles(share) == (milliseconds,)


def test_one_slow_decision_in_a_thousand_is_the_last_permille_not_the_last_percent():
    assert of(*[20] * 999, 5000).quantiles(0.5, 0.99, 0.999, 1.0) == (20, 20, 20, 5000)


def test_a_reset_forgets():
    latencies = of(1, 2)
    latencies.reset()
    assert len(latencies) == 0


@given(st.lists(st.integers(0, 10_000), min_size=1), st.floats(0.001, 1))
def test_so_many_are_at_or_below_and_not_so_many_below(milliseconds, share):
    [found] = of(*milliseconds).quantiles(share)
    at_or_below = sum(each <= found for each in milliseconds)
    below = sum(each < found for each in milliseconds)
    assert below < share * len(milliseconds) <= at_or_below
