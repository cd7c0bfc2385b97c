"""`kapstan replay`: the same code once more, over a part of the log, beside live; and what became of it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from cli.connection import SCHEMAS, AsJson, connected
from cli.options import PLACE, Home, PortBase
from cli.promote import promote, rollback
from local.stack import Stack
from streamkit.topics_apply import Platform

if TYPE_CHECKING:
    from replay.kept import Replay
    from replay.overview import Overview

What = Annotated[
    str,
    typer.Argument(
        metavar="SERVICE|WINDOW",
        help="refiner, enricher, fraud_scorer, lake_sink, or a window declared in schemas/windows; "
        "enricher,fraud_scorer is a chain.",
    ),
]
Begin = Annotated[
    str | None,
    typer.Option("--from", help=f"Where results begin: {PLACE}.", show_default="the oldest record"),
]
End = Annotated[
    str | None,
    typer.Option("--to", help="Where it ends, without that record.", show_default="where live stands now"),
]
Topics = Annotated[
    list[str] | None,
    typer.Option("--topic", help="Only this input of refiner or lake_sink; may be repeated."),
]
SideMode = Annotated[
    Literal["recorded", "latest", "corrected"],
    typer.Option(
        help="Side inputs as live had them record by record; as they are now; or as of event time, with all "
        "partitions taken by event time."
    ),
]
RulesFile = Annotated[
    Path | None, typer.Option(help="Rules for fraud_scorer in the place of all that were in force.")
]
ModelFile = Annotated[Path | None, typer.Option(help="Likewise a model, from the cache of `kapstan train`.")]
Prefix = Annotated[
    str | None, typer.Option(help="Prefix of all it writes; one that is there already is gone on with.")
]
Promotable = Annotated[
    bool,
    typer.Option(
        "--promotable",
        help="Of lake_sink: write to branches of live's tables, for `kapstan replay promote`.",
    ),
]
# A transform commits at least once a second, whatever it does.
_RATE_OVER_S = 3.0


class _RunUnlessNamed(typer.core.TyperGroup):
    """A group in which `replay SERVICE` means `replay run SERVICE`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put `run` before what is no command of the group."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


replay = typer.Typer(
    cls=_RunUnlessNamed,
    no_args_is_help=True,
    help="Run a service or window again over a part of the log: `kapstan replay SERVICE`, which is "
    "`kapstan replay run SERVICE`; and list, look at, promote or drop what was replayed.",
)
replay.command()(promote)
replay.command()(rollback)


@replay.command()
def run(  # noqa: PLR0913, PLR0917 - one parameter for each option
    what: What,
    begin: Begin = None,
    end: End = None,
    topic: Topics = None,
    sides: SideMode = "recorded",
    rules: RulesFile = None,
    model: ModelFile = None,
    namespace: Prefix = None,
    promotable: Promotable = False,
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Run a service or window over a part of the log, into topics or tables of its own.

    Nothing of live is touched. State at --from is what live had there: it is made from the topic's first
    record on. What cannot be exact is refused with the reason. `kapstan compare` then says whether the
    result equals live, record for record.
    """
    from cli.lake import answering_lake
    from demo.progress import steps_on
    from replay.chain import perform_all, prepare_all
    from replay.perform import Request
    from replay.replaced import Files

    stack = Stack.at(home, port_base)
    steps = steps_on(Console(stderr=True))
    with connected(home, port_base) as platform:
        files = Files(rules, model)
        topics = tuple(topic or ())
        request = Request(what, begin, end, topics, sides, namespace, files, promotable=promotable)
        lake = answering_lake(stack)
        hops = prepare_all(stack, platform, request, SCHEMAS, lake)
        perform_all(stack, platform, hops, steps, lake=lake is not None)
    for line in _performed(what, hops, as_json=as_json):
        typer.echo(line)


def _performed(what: str, hops: "list[Replay]", *, as_json: bool) -> Iterator[str]:
    """Yield what was replayed; a chain is known by the name that its hops share."""
    from replay.overview import spans

    namespace = hops[0].chain or hops[0].namespace
    over = {place: span for hop in hops for place, span in spans(hop).items()}
    if as_json:
        answer = {"namespace": namespace, "target": what, "sides": hops[0].plan.sides, "spans": over}
        yield json.dumps(answer)
        return
    for place, (start, stop) in over.items():
        if stop > start:
            yield f"  {place}: offsets {start} to {stop - 1}"
    yield f"{what} was replayed into {namespace}; `kapstan compare {namespace}` compares it."


@replay.command("list")
def list_(home: Home = None, port_base: PortBase = None, as_json: AsJson = False) -> None:
    """Show every replay, the newest last: what it is of, its state, and how large it is."""
    from replay.overview import table
    from replay.perform import kept

    stack = Stack.at(home, port_base)
    replays = kept(stack)
    found = sorted(replays, key=lambda each: each.made_ms)
    with connected(home, port_base) as platform:
        shown = [_overview(stack, platform, each) for each in found]
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in shown]))
        return
    for line in table(shown):
        typer.echo(line)


@replay.command()
def status(
    namespace: Annotated[
        str | None, typer.Argument(help="A replay's namespace.", show_default="the newest replay")
    ] = None,
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Show one replay: its span, how far it is, how fast and how long still, and all that it holds."""
    from replay.overview import lines
    from replay.perform import kept

    stack = Stack.at(home, port_base)
    with connected(home, port_base) as platform:
        found = [_overview(stack, platform, each, measured=True) for each in kept(stack).family(namespace)]
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in found]))
        return
    for line in (line for each in found for line in lines(each)):
        typer.echo(line)


@replay.command()
def drop(
    namespace: Annotated[str, typer.Argument(help="A replay's namespace, from `kapstan replay list`.")],
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Delete a replay: its topics, groups, tables and local state. Live keeps all that it has."""
    from cli.lake import needed_catalog
    from replay.holdings import drop as drop_all
    from replay.holdings import needs_lake
    from replay.perform import kept

    stack = Stack.at(home, port_base)
    replays = kept(stack)
    with connected(home, port_base) as platform:
        family = replays.family(namespace)
        lake = needed_catalog(stack) if any(needs_lake(each) for each in family) else None
        gone = [drop_all(each, replays, platform.admin, lake, platform.clock) for each in family]
    topics = [name for each in gone for name in each.topics]
    groups = [name for each in gone for name in each.groups]
    tables = [name for each in gone for name in each.tables or {}]
    if as_json:
        answer = {"namespace": namespace, "topics": topics, "groups": groups, "tables": tables}
        typer.echo(json.dumps(answer))
        return
    held = f"{len(topics)} topics, {len(groups)} groups, {len(tables)} tables and its folder"
    typer.echo(f"{namespace} is gone: {held}.")


def _overview(stack: Stack, platform: Platform, found: "Replay", *, measured: bool = False) -> "Overview":
    """Look at a replay; with `measured`, twice within some seconds while it runs, to tell its rate."""
    from cli.lake import answering_catalog
    from replay.holdings import holdings, needs_lake
    from replay.overview import Overview, state_of
    from replay.perform import kept
    from replay.watch import Progress, rated

    replays, progress = kept(stack), Progress(platform.admin, found)
    runs = replays.runs(found.namespace)
    pace = progress()
    if measured and runs and pace is not None:
        time.sleep(_RATE_OVER_S)
        later = progress()
        pace = rated(pace, later, _RATE_OVER_S) if later is not None else pace
    lake = answering_catalog(stack) if needs_lake(found) else None
    holds = holdings(found, replays, platform.admin, lake)
    state = state_of(pace, holds, runs=runs, finished=replays.finished(found.namespace))
    return Overview(found, state, pace, holds)
