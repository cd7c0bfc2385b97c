"""`kapstan audit --follow`: the audit of what is new, again and again, with metrics beside it."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import typer

from cli.audit import open_sinks
from cli.connection import SCHEMAS, connected
from local.stack import Stack
from streamkit.catalogue import Catalogue
from streamkit.clock import SystemClock

PAUSE_S = 5.0
WAIT_S = 20.0
"""How long a round waits for the stores: the lake commits every 10 s. With both the lag stays below 60 s."""


@dataclass(frozen=True, slots=True)
class Following:
    """What was asked for; see the options of `kapstan audit`."""

    topic: str | None
    ledger: Path
    begin: str | None
    end: str | None
    content: bool
    metrics_port: int


def run(home: Path | None, port_base: int | None, asked: Following) -> None:
    """Follow a stack until Ctrl-C; exits with 1 when anything has differed."""
    from audit.follow import Follow, Told
    from audit.part import part_of
    from audit.plan import plan_of
    from audit.run import Audit, Stores
    from streamkit.config import ServiceSettings
    from streamkit.health import HealthServer

    if asked.end is not None:
        raise typer.BadParameter("--follow goes on until Ctrl-C: leave --to out")
    stack, clock, catalogue = Stack.at(home, port_base), SystemClock(), Catalogue.load(SCHEMAS)
    with connected(home, port_base) as platform, ExitStack() as closing:
        plan, part = plan_of(catalogue, asked.topic), part_of(asked.begin, None, asked.topic)
        stores = Stores(platform.broker, platform.registry, None, None)
        open_sinks(stack, stores, closing)
        ledger: IO[bytes] | None = None
        if asked.ledger.is_file():
            ledger = closing.enter_context(asked.ledger.open("rb"))
        else:
            stores.skipped.append(f"acknowledged events: there is no ledger {asked.ledger}")

        def make() -> Audit:
            return Audit(stores, catalogue, clock, WAIT_S, lambda _: None, content=asked.content)

        settings = ServiceSettings.load(
            bootstrap_servers=os.environ.get("KAPSTAN_BOOTSTRAP_SERVERS") or stack.bootstrap_servers,
            registry_url=os.environ.get("KAPSTAN_REGISTRY_URL") or stack.registry_url,
            http_port=asked.metrics_port,
        )
        told = Told()
        server = closing.enter_context(HealthServer(settings, ready={"stores": told.differing}))
        typer.echo(
            f"Following; metrics at http://{settings.http_host}:{server.port}/metrics, Ctrl-C ends it."
        )
        for text in (*stores.skipped, *stores.unanswered):
            typer.echo(f"Not compared: {text}")
        follow = Follow(make, plan, part, stores.windows, ledger, clock)
        try:
            while True:
                for line in told.lines(follow.round()):
                    typer.echo(line)
                clock.sleep(PAUSE_S)
        except KeyboardInterrupt:
            typer.echo(told.summary())
    if told.differing() is not None or stores.unanswered:
        raise typer.Exit(1)
