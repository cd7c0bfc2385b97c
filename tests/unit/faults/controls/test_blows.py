import pytest

from tests.faults.controls.blows import WHAT, draw_blows, told, waits


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_gives_the_same_blows_and_each_kind_before_one_comes_again(seed):
    blows = draw_blows(seed, 60.0)
    assert blows == draw_blows(seed, 60.0)
    assert {blow.what for blow in blows[: len(WHAT)]} == set(WHAT)
    assert sum(blow.after_s for blow in blows) < 60.0


def test_a_blow_waits_for_the_first_commit_behind_it():
    assert waits([1000, 5000, 9000], [500, 8000, 2500]) == [1.5, 3.0, None]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        ([1.0, 2.0, 9.0], "2.0 s, 9.0 s at worst"),
        ([1.0, None], "1.0 s, 1.0 s at worst, 1 times never"),
        ([None], "never"),
    ],
)
def test_what_it_took_is_told(seconds, text):
    assert told(seconds) == text
