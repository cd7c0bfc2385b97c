"""`kapstan status`: what every part is doing."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.options import Home

COLOURS = {"ready": "green", "starting": "yellow", "unready": "red", "failed": "red", "stopped": "dim"}


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")] = False,
    home: Home = None,
) -> None:
    """Show every part. Exits 1 when nothing runs, or when a part that should run is not ready."""
    from local.stack import Stack
    from local.status import status as ask

    stack = Stack.at(home)
    parts = ask(stack)
    running = [part for part in parts if part.state != "stopped"]
    if as_json:
        document = {
            "home": str(stack.home),
            "port_base": stack.port_base,
            "memory_mb": sum(part.memory_mb for part in parts),
            "parts": [dataclasses.asdict(part) for part in parts],
        }
        typer.echo(json.dumps(document))
    else:
        table = Table("part", "state", "pid", "up", "memory", "where", box=None, pad_edge=False)
        for part in parts:
            state = f"[{COLOURS[part.state]}]{part.state}[/]"
            where = part.detail or "  ".join(part.addresses.values())
            up = f"{part.up_seconds} s" if part.pid else ""
            # Not markup: Java's messages have addresses in square brackets.
            table.add_row(part.name, state, str(part.pid or ""), up, _mb(part.memory_mb), Text(where))
        Console().print(table)
        total = sum(part.memory_mb for part in parts)
        typer.echo(f"{len(running)} of {len(parts)} parts run in {stack.home}, {total} MB in all.")
    if not running or any(part.state != "ready" for part in running):
        raise typer.Exit(1)


def _mb(megabytes: int) -> str:
    return f"{megabytes} MB" if megabytes else ""
