"""`kapstan topics apply|diff`: Kafka, the registry and the running services as the catalogue says."""

import json

import typer
from rich.console import Console
from rich.text import Text

from cli.connection import SCHEMAS, AsJson, Schemas, connected
from cli.options import Home, PortBase
from streamkit.catalogue import Catalogue
from streamkit.topics import Change, Plan, plan
from streamkit.topics_apply import apply as make
from streamkit.topics_apply import observe

topics = typer.Typer(help="Topics, schemas and windows: what the catalogue says and what there is.")


@topics.command()
def diff(
    home: Home = None, port_base: PortBase = None, schemas: Schemas = SCHEMAS, as_json: AsJson = False
) -> None:
    """Print what `apply` would change; exit with 1 when it would change or refuse anything."""
    with connected(home, port_base) as platform:
        declared = Catalogue.load(schemas)
        found = plan(declared, observe(platform, declared))
        if as_json:
            typer.echo(json.dumps(_json(found)))
        else:
            _print(declared, found, "to change")
        if found:
            raise typer.Exit(1)


@topics.command()
def apply(
    home: Home = None, port_base: PortBase = None, schemas: Schemas = SCHEMAS, as_json: AsJson = False
) -> None:
    """Make topics, register schemas and publish the catalogue; changes nothing when any of it is refused."""
    with connected(home, port_base) as platform:
        declared = Catalogue.load(schemas)
        found = plan(declared, observe(platform, declared))
        if as_json:
            typer.echo(json.dumps(_json(found)))
        else:
            _print(declared, found, "not changed" if found.refusals else "changed")
        if found.refusals:
            raise typer.Exit(1)
        make(platform, declared, found)


def _json(found: Plan) -> dict[str, list[dict[str, str]]]:
    return {
        "changes": [change.to_json() for change in found.changes],
        "refusals": [refusal.to_json() for refusal in found.refusals],
    }


def _print(declared: Catalogue, found: Plan, done: str) -> None:
    out = Console(highlight=False, soft_wrap=True)
    for change in found.changes:
        out.print(_line(change), markup=False)
    for refusal in found.refusals:
        said = f" {refusal.topic}: {refusal.problem}.\n        Instead, {refusal.remedy}."
        out.print(Text.assemble(("refused", "red"), said))
    counted = f"{len(declared)} topics and {len(declared.windows)} windows"
    refused = f", {len(found.refusals)} refused" if found.refusals else ""
    out.print(f"{counted}: {len(found.changes)} {done}{refused}" if found else f"{counted}: all as declared")


def _line(change: Change) -> str:
    return f"{change.action:<18} {change.target:<40} {change.detail}"
