"""`kapstan replay promote` and `rollback`: a replay's rows become live's own, and that is taken back."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cli.connection import SCHEMAS, AsJson, connected
from cli.options import Home, PortBase
from local.stack import Stack

if TYPE_CHECKING:
    from replay.promote import Promoting
    from streamkit.topics_apply import Platform

Named = Annotated[str, typer.Argument(help="A replay's namespace, from `kapstan replay list`.")]


def promote(
    namespace: Named,
    accept_differences: Annotated[
        bool, typer.Option("--accept-differences", help="Promote it whatever it says; do not compare first.")
    ] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds that it has to catch up with live.")] = 300.0,
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Make a replay's rows live's own: of lake_sink, with --promotable.

    It is compared with live, catches up with what live has written since, and takes main's place in each
    table by one compare-and-swap. Readers see the rows of before or those of after. Live goes on meanwhile,
    and then from where the replay has come to.
    """
    from demo.progress import steps_on
    from replay.promote import Ask

    steps = steps_on(Console(stderr=True))
    with connected(home, port_base) as platform:
        promoting = _promoting(Stack.at(home, port_base), platform, namespace)
        topics = promoting.promote(SCHEMAS, Ask(accept_differences, wait), steps)
    _say(namespace, "promoted", topics, as_json=as_json)
    if not as_json:
        typer.echo(f"`kapstan replay rollback {namespace}` takes it back, until it is dropped.")


def rollback(
    namespace: Named, home: Home = None, port_base: PortBase = None, as_json: AsJson = False
) -> None:
    """Make live's tables again what they were before a promotion.

    Live then reads again what came since, from where its tables stand. The replay can be promoted once more.
    """
    with connected(home, port_base) as platform:
        topics = _promoting(Stack.at(home, port_base), platform, namespace).rollback()
    _say(namespace, "rolled_back", topics, as_json=as_json)
    if not as_json:
        typer.echo("lake_sink goes on from where these tables stand.")


def _promoting(stack: Stack, platform: "Platform", namespace: str) -> "Promoting":
    from cli.lake import needed_lake
    from replay.perform import kept
    from replay.promotable import check_promotable
    from replay.promote import Promoting

    found = kept(stack).find(namespace)
    check_promotable(found)
    return Promoting(stack, platform, found, needed_lake(stack))


def _say(namespace: str, done: str, topics: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"namespace": namespace, done: list(topics)}))
        return
    for topic in topics:
        typer.echo(f"  {topic}")
    typer.echo(f"{namespace}: {len(topics)} tables {done.replace('_', ' ')}.")
