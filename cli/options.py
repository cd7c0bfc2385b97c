"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from local.ports import HIGHEST_BASE, LOWEST_BASE

Home = Annotated[
    Path | None,
    typer.Option(help="The stack's folder (KAPSTAN_HOME).", show_default="the user's data folder"),
]
PortBase = Annotated[
    int | None,
    typer.Option(
        min=LOWEST_BASE,
        max=HIGHEST_BASE,
        help="The first of the stack's 100 ports (KAPSTAN_PORT_BASE).",
        show_default="18000, or what the stack was started with",
    ),
]


def names(given: str | None) -> list[str]:
    """The names in a comma-separated option; empty for None."""
    return [name.strip() for name in (given or "").split(",") if name.strip()]
