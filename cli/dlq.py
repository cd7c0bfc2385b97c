"""`kapstan dlq list|show`: the records that were put aside, by services and by the gateway."""

import json
from collections.abc import Iterator
from typing import Annotated

import typer

from cli.connection import SCHEMAS, AsJson, connected
from cli.letters import (
    Letter,
    chosen,
    from_dead_letter,
    from_reject,
    from_unreadable,
    newest_of,
    overview,
    report,
)
from cli.options import Home, PortBase
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.errors import DeadLetterError
from streamkit.headers import is_heartbeat
from streamkit.read import read_to_end
from streamkit.topics_apply import Platform

DEAD_LETTERS = "platform.dead-letters.v1"
REJECTS = "platform.gateway-rejects.v1"

dlq = typer.Typer(help="Records that a service or the gateway put aside.")


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
        newest, found = newest_of(chosen(_letters(platform), service, reason), last)
        if as_json:
            typer.echo(json.dumps([letter.to_json() for letter in newest]))
            return
        for line in overview(newest):
            typer.echo(line)
        typer.echo(f"{len(newest)} of {found} records; `kapstan dlq show REF` shows one whole.")


@dlq.command()
def show(
    ref: Annotated[str, typer.Argument(help="A reference from `kapstan dlq list`, or the whole id.")],
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Show one record: why, where it came from, its original bytes and what can be read of them."""
    with connected(home, port_base) as platform:
        letter = next((one for one in _letters(platform) if ref in (one.ref, one.letter_id)), None)
        if letter is None:
            typer.echo(f"There is no record {ref}. `kapstan dlq list` shows what there is.", err=True)
            raise typer.Exit(1)
        if as_json:
            typer.echo(json.dumps(letter.to_json()))
            return
        for line in report(letter, platform.registry):
            typer.echo(line)


def _letters(platform: Platform) -> Iterator[Letter]:
    codecs = Codecs(Catalogue.load(SCHEMAS), platform.registry)
    for mark, topic, make in (("d", DEAD_LETTERS, from_dead_letter), ("g", REJECTS, from_reject)):
        decoder = codecs.decoder(topic)
        for record in read_to_end(platform.broker, topic):
            if is_heartbeat(record.headers):
                continue
            try:
                letter = make(record.offset, decoder.decode(record.value or b""))
            except DeadLetterError as error:
                # It stays in the topic for days; the letters around it are what was asked for.
                letter = from_unreadable(f"{mark}{record.offset}", record, error)
            yield letter
