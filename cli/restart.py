"""`kapstan restart NAME`: one part, while the others run on."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from cli.options import Home


def restart(
    name: Annotated[str, typer.Argument(help="The part, as `kapstan status` names it.")],
    home: Home = None,
) -> None:
    """Stop one part, start it again, and wait until it serves. Data stays."""
    from local import supervise
    from local.components import choose, components
    from local.stack import Stack

    choose(components(), [name])  # says what there is when the name is wrong
    supervise.restart(Stack.at(home), name)
    Console().print(f"{name} is ready again.", highlight=False)
