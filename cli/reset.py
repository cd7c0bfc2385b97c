"""`kapstan reset`: delete a stack's data."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import typer
from rich.console import Console

from cli.options import Home

OURS = ("data", "logs", "run", "secrets")


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
) -> None:
    """Stop everything and delete all data of the stack; downloads stay in the cache."""
    from local import supervise
    from local.errors import RuntimeProblem
    from local.stack import Stack

    console = Console()
    stack = Stack.at(home)
    if not (stack.run / "stack.json").is_file():
        raise RuntimeProblem("kapstan", f"{stack.home} holds no stack", remedy="give the right --home")
    if not yes:
        if not sys.stdin.isatty():
            raise RuntimeProblem("kapstan", "reset deletes all data and asks first", remedy="add --yes")
        typer.confirm(f"Delete all data in {stack.home}?", abort=True)
    supervise.down(stack)
    for name in OURS:
        shutil.rmtree(stack.home / name, ignore_errors=True)
    if not any(stack.home.iterdir()):
        stack.home.rmdir()
    console.print(f"The data in {stack.home} is gone.", highlight=False)
