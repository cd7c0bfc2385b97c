"""`kapstan dlq redrive`: sends records that were put aside back to who refused them, each once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from cli.connection import SCHEMAS, AsJson, connected
from cli.options import Home, PortBase
from dead_letters.box import letters
from dead_letters.letter import Letter, chosen
from dead_letters.repair import Repair, json_of
from dead_letters.ways import Ways
from local.services import demo_key
from local.stack import Stack
from streamkit.catalogue import Catalogue
from streamkit.errors import RetryableError, StopError, StreamkitError
from streamkit.redriver import AnotherRunError

Patch = Annotated[Path | None, typer.Option(help="JSON with the fields to change (null takes one away).")]
Whole = Annotated[Path | None, typer.Option(help="The whole value: JSON, or its bytes as in the topic.")]


def redrive(  # noqa: PLR0913, PLR0917 - one parameter for each option
    refs: Annotated[
        list[str] | None, typer.Argument(help="References or ids from `kapstan dlq list`.")
    ] = None,
    service: Annotated[str | None, typer.Option(help="All of this service.")] = None,
    reason: Annotated[str | None, typer.Option(help="All with this reason.")] = None,
    edit: Patch = None,
    value: Whole = None,
    key: Annotated[str | None, typer.Option(help="The key it should have had.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go back.")] = False,
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Send records back to the service that refused them, or through the gateway; each goes once.

    However often it is run, and whenever it is killed. Exits with 1 when one could not go.
    """
    if not refs and service is None and reason is None:
        raise typer.BadParameter("say which: references from `kapstan dlq list`, --service or --reason")
    repair = _repair(edit, value, key)
    with connected(home, port_base) as platform:
        wanted = set(refs or ())
        results = []
        with ExitStack() as opened:
            catalogue = Catalogue.load(SCHEMAS)
            gateway = partial(_gateway, Stack.at(home, port_base))
            ways = Ways(platform, catalogue, gateway, repair, opened, dry_run=dry_run)
            for one in chosen(letters(platform, catalogue), service, reason):
                if wanted and not wanted & {one.ref, one.letter_id}:
                    continue
                if not wanted and one.marker is not None and one.marker.state == "SENT":
                    continue
                results.append(_told(one, ways.send, quiet=as_json))
        if unknown := wanted - {each[name] for each in results for name in ("ref", "id")}:
            raise StopError(
                f"there is no record {', '.join(sorted(unknown))}"
                + (" of that kind" if service or reason else ""),
                hint="`kapstan dlq list` shows what there is",
            )
    if as_json:
        typer.echo(json.dumps(results))
    else:
        typer.echo(f"{sum(each['done'] for each in results)} of {len(results)} records went back.")
    if not all(each["done"] or each["before"] for each in results) and not dry_run:
        raise typer.Exit(1)


def _gateway(stack: Stack) -> httpx.Client:
    """A client of the gateway with an API key; StopError when there is no key."""
    url = os.environ.get("KAPSTAN_GATEWAY_URL") or stack.url("ingest_gateway.http")
    key = os.environ.get("KAPSTAN_API_KEY")
    if key is None and not stack.secret_file("demo-key").is_file():
        raise StopError("there is no API key for the gateway", hint="Set KAPSTAN_API_KEY")
    key = key or demo_key(stack)
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"})


def _repair(edit: Path | None, value: Path | None, key: str | None) -> Repair:
    if edit is not None and value is not None:
        raise typer.BadParameter("--edit and --value exclude each other")
    for path in (edit, value):
        if path is not None and not path.is_file():
            raise typer.BadParameter(f"there is no file {path}")
    try:
        patch = json_of(edit.read_bytes(), f"{edit}") if edit is not None else None
    except StopError as error:
        raise typer.BadParameter(str(error)) from error
    if edit is not None and not isinstance(patch, dict):
        raise typer.BadParameter(f"{edit} is no JSON object: it names the fields to change")
    return Repair(key, patch, value.read_bytes() if value is not None else None)


def _told(letter: Letter, send: Callable[[Letter], tuple[bool, bool, str]], *, quiet: bool) -> dict[str, Any]:
    """Send one back and say what became of it; what is wrong with one keeps no other from going."""
    try:
        done, before, said = send(letter)
    except (RetryableError, AnotherRunError):
        raise
    except StreamkitError as error:
        done, before, said = False, False, str(error)
    if not quiet:
        typer.echo(f"{letter.ref}  {said}")
    return {"ref": letter.ref, "id": letter.letter_id, "done": done, "before": before, "said": said}
