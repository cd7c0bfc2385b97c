"""Waiting for what real parts do in their own time."""

import time
from collections.abc import Callable


def until(done: Callable[[], bool], seconds: float) -> None:
    """Return once `done`, asked ten times a second; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not done within {seconds:g} s"
        time.sleep(0.1)
