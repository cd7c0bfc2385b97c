"""`kapstan explain DECISION`: one past decision, done again from the log, with every input it used."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cli.connection import SCHEMAS, AsJson, connected
from cli.options import Home, PortBase
from local.stack import Stack

if TYPE_CHECKING:
    from replay.explain import Explainer, Progress
    from streamkit.topics_apply import Platform


def explain(
    decision: Annotated[str, typer.Argument(help="The id of the transaction that was decided.")],
    tenant: Annotated[str, typer.Option(help="Whose transaction it is.")] = "default",
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Show what a past decision was made from, and whether the same comes of it now.

    Both services do it again from the log, with the windows and side inputs that live had: the exit code is 1
    unless they write what live wrote, byte for byte. What Kafka has deleted is read from bronze.
    """
    from cli.lake import answering_lake
    from replay.past import with_past

    stack = Stack.at(home, port_base)
    with connected(home, port_base) as platform, Console(stderr=True).status("starting") as shown:
        reading = with_past(platform, answering_lake(stack))
        found = explainer(stack, reading, shown.update).explain(decision, tenant)
    if as_json:
        typer.echo(json.dumps(found.to_json(), default=str))
    else:
        for line in found.lines():
            typer.echo(line)
    if not found.agrees:
        raise typer.Exit(1)


def explainer(stack: Stack, platform: "Platform", progress: "Progress") -> "Explainer":
    """Return what explains the decisions of a platform. Raises RetryableError when the registry is away."""
    from replay.explain import Explainer
    from services.enricher.app import spec as enricher
    from services.enricher.config import EnricherSettings
    from services.fraud_scorer.app import spec as scorer
    from streamkit.catalogue import Catalogue
    from streamkit.codecs import Codecs

    codecs = Codecs(Catalogue.load(SCHEMAS), platform.registry)
    settings = EnricherSettings.load(
        bootstrap_servers=stack.bootstrap_servers,
        registry_url=stack.registry_url,
        http_port=0,
        state_dir=stack.run,
    )
    return Explainer(
        platform.broker, codecs, platform.clock, enricher(settings, codecs), scorer(codecs), progress
    )
