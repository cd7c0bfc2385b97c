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
PLACE = "an offset (500), offsets by partition (0:500,1:480), or a time (2026-01-31T12:00, UTC)"
"""What --from and --to take (replay/bounds.py), for the help of commands that have them."""


def names(given: str | None) -> list[str]:
    """The names in a comma-separated option; empty for None."""
    return [name.strip() for name in (given or "").split(",") if name.strip()]
