"""`kapstan dlq list|show|redrive`: the records that were put aside, by services and by the gateway."""

import json
from typing import Annotated

import typer

from cli.connection import SCHEMAS, AsJson, connected
from cli.options import Home, PortBase
from cli.redrive import redrive
from dead_letters.box import letters
from dead_letters.letter import chosen, newest_of
from dead_letters.shown import overview, report
from streamkit.catalogue import Catalogue

dlq = typer.Typer(help="Records that a service or the gateway put aside.")
dlq.command()(redrive)


@dlq.command("list")
def list_letters(
    service: Annotated[str | None, typer.Option(help="Only of this service.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only with this reason.")] = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many of the newest.")] = 50,
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest records that were put aside, the oldest of them first."""
    with connected(home, port_base) as platform:
        newest, found = newest_of(chosen(letters(platform, Catalogue.load(SCHEMAS)), service, reason), last)
        if as_json:
            typer.echo(json.dumps([letter.to_json() for letter in newest]))
            return
        for line in overview(newest):
            typer.echo(line)
        typer.echo(
            f"{len(newest)} of {found} records; `dlq show REF` shows one whole, `dlq redrive` sends it back."
        )


@dlq.command()
def show(
    ref: Annotated[str, typer.Argument(help="A reference from `kapstan dlq list`, or the whole id.")],
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Show one record: why, where it came from, its original bytes and what can be read of them."""
    with connected(home, port_base) as platform:
        every = letters(platform, Catalogue.load(SCHEMAS))
        letter = next((one for one in every if ref in (one.ref, one.letter_id)), None)
        if letter is None:
            typer.echo(f"There is no record {ref}. `kapstan dlq list` shows what there is.", err=True)
            raise typer.Exit(1)
        if as_json:
            typer.echo(json.dumps(letter.to_json()))
            return
        for line in report(letter, platform.registry):
            typer.echo(line)
