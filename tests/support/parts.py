"""Real parts for tests: a stack in a folder and port range of its own, and what became ready in it."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from local import supervise
from local.stack import Stack


class Parts:
    """A stack whose components are started when a test first asks for them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def need(self, *components: str) -> Stack:
        """Starts the components (and what they need) unless they run; blocks until each is ready."""
        supervise.up(self.stack, only=list(components))
        note_ready(self.stack)
        return self.stack


def note_ready(stack: Stack) -> set[str]:
    """Return what serves now, and tell `kapstan test` so: a tier has to have started its real parts."""
    ready = supervise.ready(stack)
    if evidence := os.environ.get("KAPSTAN_TEST_EVIDENCE"):
        with Path(evidence).open("a") as file:
            file.write("".join(f"{name}\n" for name in ready))
    return set(ready)


@contextlib.contextmanager
def fresh_stack(port_base: int) -> Iterator[Stack]:
    """A fresh stack that is stopped and deleted at the end.

    The folder is not pytest's own: that one is closed to the other user whom PostgreSQL runs as under root.
    """
    home = Path(tempfile.mkdtemp(prefix="kapstan-test-"))
    home.chmod(0o711)
    stack = Stack(home, port_base)
    try:
        yield stack
    finally:
        supervise.down(stack)
        if not os.environ.get("KAPSTAN_TEST_KEEP"):
            shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def parts(port_base: int) -> Iterator[Parts]:
    """The parts of a fresh stack."""
    with fresh_stack(port_base) as stack:
        yield Parts(stack)
