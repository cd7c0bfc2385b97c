"""`kapstan up`: start the platform's parts."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from cli.options import Home, PortBase, names
from cli.progress import Parts


def up(
    only: Annotated[str | None, typer.Option(help="These parts and what they need: a,b")] = None,
    without: Annotated[
        str | None, typer.Option(help="Leave out these parts and what needs them: a,b")
    ] = None,
    home: Home = None,
    port_base: PortBase = None,
) -> None:
    """Start the platform's parts and wait until each truly serves. What runs already is left alone."""
    from local import supervise
    from local.components import components
    from local.stack import Stack

    console = Console()
    stack = Stack.at(home, port_base)
    begun = time.monotonic()
    with Parts(console) as report:
        started = supervise.up(stack, names(only) or None, names(without), report=report)
    if not started:
        console.print("Everything asked for runs already.")
    else:
        console.print(
            f"{len(started)} parts are ready after {time.monotonic() - begun:.1f} s.", highlight=False
        )
    known = components()
    for name in started:
        for label, address in known[name].addresses(stack).items():
            console.print(f"  {label:<22} {address}", highlight=False, markup=False, soft_wrap=True)
