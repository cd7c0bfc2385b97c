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
        if evidence := os.environ.get("KAPSTAN_TEST_EVIDENCE"):
            with Path(evidence).open("a") as file:
                file.write("".join(f"{name}\n" for name in supervise.ready(self.stack)))
        return self.stack


@contextlib.contextmanager
def parts(port_base: int) -> Iterator[Parts]:
    """A fresh stack that is stopped and deleted at the end.

    The folder is not pytest's own: that one is closed to the other user whom PostgreSQL runs as under root.
    """
    home = Path(tempfile.mkdtemp(prefix="kapstan-test-"))
    home.chmod(0o711)
    stack = Stack(home, port_base)
    try:
        yield Parts(stack)
    finally:
        supervise.down(stack)
        if not os.environ.get("KAPSTAN_TEST_KEEP"):
            shutil.rmtree(home, ignore_errors=True)
