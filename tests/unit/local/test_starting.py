import subprocess
from http.client import BadStatusLine

import pytest

from local.errors import RuntimeProblem
from local.rpc import Process
from local.stack import Stack
from local.starting import SIDE_BY_SIDE, Start, _finish, _next, _start, last_words
from tests.support.components import Fake


def seen(*processes):
    start = Start(Fake("x"), 0.0, 1)
    return [start.observe(Process("x", state, pid, 1, "")) for state, pid in processes]


def test_one_death_is_forgiven():
    assert (
        seen(("STARTING", 1), ("BACKOFF", 0), ("BACKOFF", 0), ("STARTING", 2), ("RUNNING", 2)) == [None] * 5
    )


@pytest.mark.parametrize(
    "second", [("BACKOFF", 0), ("STARTING", 3)], ids=["between two lives", "already in the next"]
)
def test_two_are_not(second):
    assert "more than once" in seen(("STARTING", 2), second)[-1]


@pytest.mark.parametrize("state", ["FATAL", "STOPPED"])
def test_what_the_supervisor_gave_up_has_failed(state):
    assert seen((state, 0))[-1]


def test_without_a_supervisor_nothing_starts():
    assert Start(Fake("x"), 0.0, 1).observe(None) == "its supervisor ended"


def test_only_what_needs_nothing_more_is_next():
    waiting = {"a": Fake("a"), "b": Fake("b", "a"), "c": Fake("c", "gone")}
    assert _next(waiting, {}) == ["a", "c"]
    assert _next(waiting, {"a": Start(waiting["a"], 0.0, 1)}) == ["c"]


def test_only_so_many_start_side_by_side():
    waiting = {str(number): Fake(str(number)) for number in range(SIDE_BY_SIDE + 5)}
    first = _next(waiting, {})
    assert len(first) == SIDE_BY_SIDE
    assert _next(waiting, {name: Start(waiting[name], 0.0, 1) for name in first}) == []


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            ["starting", "Caused by: java.lang.Exception: no room", "  at a.ExceptionThrower", "bye"],
            "Caused by",
        ),
        (["Traceback", "ZeroDivisionError: division by zero"], "ZeroDivisionError"),
        (["FATAL bind: Address already in use", "ERROR the channel timed out", "stopped"], "FATAL bind"),
        (["one", "two", ""], "two"),
        ([], ""),
    ],
)
def test_the_last_error_is_quoted_rather_than_the_last_line(log, words):
    assert last_words(log).startswith(words)


@pytest.mark.parametrize(
    "error", [ConnectionResetError("reset"), BadStatusLine("?"), subprocess.TimeoutExpired("weed", 60)]
)
def test_what_cannot_be_set_up_once_it_serves_is_a_problem_of_that_part(error, tmp_path):
    class Broken(Fake):
        def started(self, stack):
            raise error

    with pytest.raises(RuntimeProblem, match=f"could not be set up.*{type(error).__name__}") as caught:
        _finish(Stack(tmp_path), Broken("lake"))
    assert caught.value.part == "lake"


@pytest.mark.parametrize("ends", ["before", "after"])
def test_a_supervisor_that_ends_during_a_start_is_said_to_have(ends, tmp_path):
    class Supervisor:
        def start(self, name):
            if ends == "before":
                raise ConnectionError("it is ending")

        def processes(self):
            return {}

    stack = Stack(tmp_path)
    stack.make_folders()
    with pytest.raises(RuntimeProblem, match="its supervisor ended"):
        _start(stack, Supervisor(), Fake("x"))
