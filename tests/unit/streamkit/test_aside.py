from concurrent.futures import Future
from threading import Event, current_thread

import pytest

from streamkit import aside
from streamkit.aside import Regular, at_once, in_a_thread
from streamkit.errors import RetryableError
from streamkit.testing.clock import ManualClock


class Waiting:
    """Collects questions to be answered by hand."""

    def __init__(self):
        self.asked = []

    def __call__(self, question, /):
        self.asked.append((question, Future()))
        return self.asked[-1][1]


def test_at_once_is_in_the_callers_thread():
    assert at_once(current_thread).result(0) is current_thread()


def test_a_thread_of_its_own_does_not_hold_up_the_caller_nor_the_end_of_the_process():
    told = Event()
    future = in_a_thread(lambda: told.wait(5) and current_thread())
    assert not future.done()
    told.set()
    thread = future.result(5)
    assert thread is not current_thread()
    assert thread.daemon


@pytest.mark.parametrize("ask", [at_once, in_a_thread])
def test_what_a_question_raises_is_raised_where_the_answer_is_taken(ask):
    with pytest.raises(ZeroDivisionError):
        ask(lambda: 1 // 0).result(5)


def test_without_a_thread_the_asker_is_told_to_try_again(monkeypatch):
    class Refused:
        def __init__(self, **_):
            pass

        def start(self):
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(aside, "Thread", Refused)
    with pytest.raises(RetryableError, match="can't start new thread"):
        in_a_thread(str).result(0)


def test_a_question_is_asked_at_its_time_and_never_twice_at_once():
    ask, clock = Waiting(), ManualClock()
    regular = Regular(ask, clock, 2.0)
    assert regular.answer(str) is None
    clock.sleep(10.0)
    assert regular.answer(str) is None
    assert len(ask.asked) == 1


def test_an_answer_is_given_once_and_the_next_question_waits_for_its_time():
    ask, clock = Waiting(), ManualClock()
    regular = Regular(ask, clock, 2.0)
    regular.answer(str)
    ask.asked[0][1].set_result("first")
    assert regular.answer(str) == "first"
    assert regular.answer(str) is None
    clock.sleep(1.9)
    assert regular.answer(str) is None
    assert len(ask.asked) == 1
    clock.sleep(0.1)
    assert regular.answer(str) is None
    assert len(ask.asked) == 2


def test_an_error_is_raised_once_and_the_question_asked_again():
    clock = ManualClock()
    regular = Regular(at_once, clock, 2.0)
    with pytest.raises(ZeroDivisionError):
        regular.answer(lambda: 1 // 0)
    assert regular.answer(lambda: 1) is None
    clock.sleep(2.0)
    assert regular.answer(lambda: 1) == 1
