import pytest

from replay.watch import Pace, duration, rated


def test_a_pace_tells_what_is_left():
    pace = rated(Pace(100, 1000), Pace(400, 1000), 3.0)
    assert (pace.rate, pace.left_s, pace.share) == (100, 6.0, 0.4)
    assert str(pace) == "400 of 1,000 records, 100/s, 6 s left"
    assert str(Pace(1, 4)) == "1 of 4 records"


def test_nothing_is_said_of_an_end_that_nobody_knows():
    still = rated(Pace(5, 10), Pace(5, 10), 2.0)
    assert still.left_s is None
    assert str(still) == "5 of 10 records, 0/s"
    assert Pace(0, 0).share == 0.0


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_in_words(seconds, said):
    assert duration(seconds) == said
