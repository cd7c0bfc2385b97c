"""Real parts for a benchmark, in a folder of their own."""

import argparse
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from local import supervise
from local.stack import Stack


def home_option(parser: argparse.ArgumentParser) -> None:
    """Let the user name a stack that runs."""
    parser.add_argument("--home", type=Path, help="folder of a stack that runs; default: one of its own")


@contextlib.contextmanager
def stack_at(home: Path | None, port_base: int, parts: Sequence[str]) -> Iterator[Stack]:
    """Give the stack in a folder, which runs already; without a folder, one of its own with the parts."""
    with contextlib.nullcontext(Stack.at(home)) if home else own_stack(port_base, parts) as stack:
        yield stack


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
