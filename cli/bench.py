"""`kapstan bench NAME`: run a benchmark of benchmarks/NAME."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from pathlib import Path

import typer

from local.places import repository

FOLDER = repository() / "benchmarks"


def names() -> dict[str, str]:
    """The benchmarks, with the first line that each says about itself. Imports none of them."""
    return {path.parent.name: _summary(path) for path in sorted(FOLDER.glob("*/__main__.py"))}


def _summary(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].partition(": ")[2] or text.partition("\n")[0]


def _command(name: str) -> Callable[[typer.Context], None]:
    def run(context: typer.Context) -> None:
        importlib.import_module(f"benchmarks.{name}.__main__").main(context.args)

    return run


def _app() -> typer.Typer:
    app = typer.Typer(help="Run a benchmark; its own --help says what it takes. All take --json.")
    everything = {"allow_extra_args": True, "ignore_unknown_options": True}
    for name, summary in names().items():
        app.command(name, help=summary, context_settings=everything, add_help_option=False)(_command(name))
    return app


bench = _app()
