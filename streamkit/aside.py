"""Aside: questions to a broker that a loop need not wait for."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Generic, Protocol, TypeVar

from streamkit.clock import Clock
from streamkit.errors import RetryableError

T = TypeVar("T")


class Ask(Protocol):
    """Runs a question; the future holds its answer, or what it raised."""

    def __call__(self, question: Callable[[], T], /) -> "Future[T]":
        """Begin to ask; does not raise."""
        ...


def at_once(question: Callable[[], T]) -> "Future[T]":
    """Ask in the caller's thread: blocks as long as the question does; the future it returns is done."""
    future: Future[T] = Future()
    _answer(future, question)
    return future


def in_a_thread(question: Callable[[], T]) -> "Future[T]":
    """Ask in a thread of its own, which does not keep the process from ending; does not block.

    When the system gives no thread, the future holds a RetryableError.
    """
    future: Future[T] = Future()
    try:
        Thread(target=_answer, args=(future, question), name="aside", daemon=True).start()
    except RuntimeError as error:
        refused = RetryableError(
            f"no thread could be started to ask the broker: {error}",
            hint="The machine or the container is at its limit of threads or memory: see `ulimit -u` and "
            "the pids limit of its group",
        )
        refused.__cause__ = error
        future.set_exception(refused)
    return future


def _answer(future: "Future[T]", question: Callable[[], T]) -> None:
    try:
        answer = question()
    except BaseException as error:  # noqa: BLE001 - whoever takes the answer gets it
        future.set_exception(error)
    else:
        future.set_result(answer)


class Regular(Generic[T]):
    """One question, asked again and again: at most every `every_s` seconds, and never twice at once."""

    def __init__(self, ask: Ask, clock: Clock, every_s: float) -> None:
        self._ask = ask
        self._clock = clock
        self._every_s = every_s
        self._next = 0.0
        self._asked: Future[T] | None = None

    def answer(self, question: Callable[[], T]) -> T | None:
        """Begin to ask when it is time; return an answer once, when it is there, and None until then.

        Raises what the question raised. Does not block unless `ask` does.
        """
        if self._asked is None and self._clock.monotonic() >= self._next:
            self._next = self._clock.monotonic() + self._every_s
            self._asked = self._ask(question)
        if self._asked is None or not self._asked.done():
            return None
        asked, self._asked = self._asked, None
        return asked.result()
