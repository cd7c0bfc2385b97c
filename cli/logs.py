"""`kapstan logs NAME`: a part's log."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from cli.options import Home


def logs(
    name: Annotated[str, typer.Argument(help="The part, as `kapstan status` names it.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as the log grows.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 200,
    home: Home = None,
) -> None:
    """Show the end of a part's log."""
    from local.errors import RuntimeProblem
    from local.stack import Stack

    stack = Stack.at(home)
    log = stack.log(name)
    if not log.is_file():
        there = ", ".join(sorted(path.stem for path in stack.logs.glob("*.log"))) or "none yet"
        raise RuntimeProblem(name, f"there is no log {log}", remedy=f"choose from: {there}")
    # tail follows a log that is rotated under its name, on Linux and macOS alike.
    os.execvp("tail", ["tail", "-n", str(lines), *(["-F"] if follow else []), str(log)])  # noqa: S606 - no shell is wanted
