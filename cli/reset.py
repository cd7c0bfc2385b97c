"""`kapstan reset`: delete a stack's data."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import typer
from rich.console import Console

from cli.options import Home

OURS = ("data", "logs", "secrets", "run")  # the last says that this is a stack: what breaks off can go on


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
) -> None:
    """Stop everything and delete all data of the stack; downloads stay in the cache."""
    from local import supervise
    from local.errors import RuntimeProblem
    from local.stack import Stack

    console = Console()
    stack = Stack.to_end(home)
    if not (stack.run / "stack.json").is_file():
        raise RuntimeProblem("kapstan", f"{stack.home} holds no stack", remedy="give the right --home")
    if not yes:
        if not sys.stdin.isatty():
            raise RuntimeProblem("kapstan", "reset deletes all data and asks first", remedy="add --yes")
        typer.confirm(f"Delete all data in {stack.home}?", abort=True)
    supervise.down(stack)
    try:
        for name in OURS:
            if (stack.home / name).exists():
                shutil.rmtree(stack.home / name)
        if not any(stack.home.iterdir()):
            stack.home.rmdir()
    except OSError as error:
        raise RuntimeProblem(
            "kapstan",
            f"not everything in {stack.home} could be deleted: {error}",
            remedy="remove what holds it, then `kapstan reset` again",
        ) from error
    console.print(f"The data in {stack.home} is gone.", highlight=False, markup=False)
