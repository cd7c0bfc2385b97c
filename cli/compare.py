"""`kapstan compare [NAMESPACE]`: whether a replay equals live, record for record."""

import json
from typing import Annotated

import typer
from rich.console import Console

from cli.audit import lake_settings
from cli.connection import SCHEMAS, AsJson, connected
from cli.lake import answering_lake
from cli.options import Home, PortBase
from local.stack import Stack


def compare(
    namespace: Annotated[
        str | None, typer.Argument(help="A replay's namespace.", show_default="the newest replay")
    ] = None,
    show: Annotated[
        int, typer.Option(min=0, max=1000, help="Records of each kind to show that do not agree.")
    ] = 3,
    wait: Annotated[float, typer.Option(min=0, help="Seconds that live's tables have to catch up.")] = 60.0,
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Compare what a replay wrote with what live wrote; exit with 1 when they differ.

    Records are matched by the source they were made from, or by key and window, and compared in key and
    decoded fields. Hop times, traces and other headers, offsets and timestamps are left out.
    """
    from demo.progress import steps_on
    from replay.pairs import Comparison
    from replay.perform import kept
    from replay.report import agrees, lines, to_json

    stack = Stack.at(home, port_base)
    steps = steps_on(Console(stderr=True))
    equal, answers = True, []
    with connected(home, port_base) as platform:
        family = kept(stack).family(namespace)
        for replay in family:
            lake = lake_settings(stack) if replay.target.kind != "transform" else answering_lake(stack)
            comparison = Comparison(replay, platform, SCHEMAS, lake, wait)
            found = comparison.run(steps, show)
            equal = equal and agrees(found)
            if as_json:
                answers.append(to_json(replay, found, comparison.notes))
                continue
            for line in lines(replay, found, comparison.notes):
                typer.echo(line)
    if as_json:
        typer.echo(json.dumps(answers if len(family) > 1 else answers[0]))
    if not equal:
        raise typer.Exit(1)
