"""Real parts for a benchmark, in a folder of their own."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from local import supervise
from local.stack import Stack


@contextlib.contextmanager
def own_stack(port_base: int, parts: Sequence[str]) -> Iterator[Stack]:
    """Run the parts and what they need until the block ends; then the folder is deleted."""
    with tempfile.TemporaryDirectory(prefix="kapstan-bench-") as folder:
        Path(folder).chmod(0o711)
        stack = Stack(Path(folder), port_base)
        try:
            supervise.up(stack, only=parts)
            yield stack
        finally:
            supervise.down(stack)
