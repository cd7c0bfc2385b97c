"""What a demo keeps from others while it runs: a second demo from its stack, and signals from its end."""

import fcntl
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from local.errors import RuntimeProblem
from local.stack import Stack

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def alone(stack: Stack) -> Iterator[None]:
    """Hold the stack for one demo; the hold ends with the process, however that ends.

    Raises RuntimeProblem at once while another demo holds it, or when its folder cannot be written.
    """
    stack.make_folders()
    with (stack.run / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeProblem(
                "kapstan",
                f"a demo runs already in {stack.home}",
                remedy="end that one with Ctrl-C, or give this one a --home and a --port-base of its own",
            ) from error
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore Ctrl-C, a plain `kill` and a closed terminal; for ends that have deadlines of their own."""
    before = {each: signal.signal(each, signal.SIG_IGN) for each in ENDINGS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
