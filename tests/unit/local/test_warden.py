import io

from hypothesis import given
from hypothesis import strategies as st

from local.warden import Bound, listen


def event(name, payload):
    return f"ver:3.0 server:kapstan serial:1 eventname:{name} len:{len(payload)}\n{payload}"


def deaths(bound, times):
    return [bound.died("x", time) for time in times]


def test_short_lives_in_a_row_are_one_too_many():
    assert deaths(Bound(3, 60), [0, 10, 20]) == [False, False, True]


def test_a_long_life_forgives():
    assert deaths(Bound(3, 60), [0, 10, 100, 110, 120]) == [False, False, False, False, True]


def test_a_component_that_was_given_up_begins_anew():
    assert deaths(Bound(2, 60), [0, 1, 2, 3]) == [False, True, False, True]


@given(st.lists(st.floats(0, 200), min_size=1, max_size=40), st.integers(2, 6))
def test_it_gives_up_only_after_as_many_short_lives(lives, limit):
    now, short, bound = 1000.0, 0, Bound(limit, 60)
    for life in lives:
        now += life
        short = short + 1 if short and life < 60 else 1
        given_up = bound.died("x", now)
        assert given_up == (short == limit)
        short = 0 if given_up else short


def test_components_are_counted_apart():
    bound = Bound(2, 60)
    assert [bound.died("x", 0), bound.died("y", 1), bound.died("x", 2)] == [False, False, True]


def test_it_answers_each_event_and_tells_of_what_flaps():
    exited = event("PROCESS_STATE_EXITED", "processname:x groupname:x from_state:RUNNING expected:0 pid:1")
    fatal = event("PROCESS_STATE_FATAL", "processname:y groupname:y from_state:BACKOFF")
    ended = event("PROCESS_STATE_EXITED", "processname:z groupname:z from_state:RUNNING expected:1 pid:2")
    answers, told, ended_for_good = io.StringIO(), [], []
    listen(
        io.StringIO(exited + exited + fatal + ended),
        answers,
        lambda name, why: told.append((name, why)),
        lambda name, why: ended_for_good.append((name, why)),
        Bound(2, 60),
        lambda: 0.0,
    )
    assert answers.getvalue() == "READY\n" + "RESULT 2\nOKREADY\n" * 4
    assert [name for name, _ in told] == ["x", "y"]
    assert "2 times" in told[0][1]
    ((name, why),) = ended_for_good
    assert (name, "needs a person" in why) == ("z", True)
