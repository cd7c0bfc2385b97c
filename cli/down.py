"""`kapstan down`: stop everything."""

from __future__ import annotations

from rich.console import Console

from cli.options import Home
from cli.progress import Parts


def down(home: Home = None) -> None:
    """Stop every part, those that need others first. Data stays; the next `up` goes on from it."""
    from local import supervise
    from local.stack import Stack

    console = Console()
    stack = Stack.to_end(home)
    with Parts(console) as report:
        ran = supervise.down(stack, report=report)
    said = "Everything has stopped." if ran else f"Nothing was running in {stack.home}."
    console.print(said, highlight=False, markup=False)
