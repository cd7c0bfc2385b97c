"""`kapstan replay SERVICE|WINDOW`: the same code once more, over a part of the log, beside live."""

import json
from typing import Annotated, Literal

import typer
from rich.console import Console

from cli.connection import SCHEMAS, AsJson, connected
from cli.options import Home, PortBase
from local.stack import Stack

What = Annotated[
    str,
    typer.Argument(
        metavar="SERVICE|WINDOW",
        help="refiner, enricher, fraud_scorer, lake_sink, or a window declared in schemas/windows.",
    ),
]
_PLACE = "an offset (500), offsets by partition (0:500,1:480), or a time (2026-01-31T12:00, UTC)"


def replay(  # noqa: PLR0913, PLR0917 - one parameter for each option
    what: What,
    begin: Annotated[
        str | None,
        typer.Option("--from", help=f"Where results begin: {_PLACE}.", show_default="the oldest record"),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            "--to", help="Where it ends, without that record.", show_default="where live stands now"
        ),
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(help="Only this input of refiner or lake_sink; may be repeated.")
    ] = None,
    sides: Annotated[
        Literal["recorded", "latest"],
        typer.Option(help="Side inputs as live had them record by record, or as they are now (what if)."),
    ] = "recorded",
    namespace: Annotated[
        str | None,
        typer.Option(help="Prefix of all it writes; one that is there already is gone on with."),
    ] = None,
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Run a service or window over a part of the log, into topics or tables of its own.

    Nothing of live is touched. State at --from is what live had there: it is made from the topic's first
    record on. What cannot be exact is refused with the reason. `kapstan compare` then says whether the
    result equals live, record for record.
    """
    from demo.progress import steps_on
    from replay.perform import Request, perform, prepare

    stack = Stack.at(home, port_base)
    steps = steps_on(Console(stderr=True))
    with connected(home, port_base) as platform:
        request = Request(what, begin, end, tuple(topic or ()), sides, namespace)
        found = prepare(stack, platform, request, SCHEMAS)
        perform(stack, platform, found, steps)
    spans = {
        f"{tp.topic}/{tp.partition}": [found.plan.starts.get(tp, 0), stop]
        for tp, stop in sorted(found.plan.ends.items())
    }
    if as_json:
        answer = {"namespace": found.namespace, "target": what, "sides": found.plan.sides, "spans": spans}
        typer.echo(json.dumps(answer))
        return
    for place, (start, stop) in spans.items():
        if stop > start:
            typer.echo(f"  {place}: offsets {start} to {stop - 1}")
    typer.echo(
        f"{what} was replayed into {found.namespace}; `kapstan compare {found.namespace}` compares it."
    )
