"""`kapstan demo`: the whole platform with live traffic, on one page."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import connected
from cli.options import Home, PortBase, names

if TYPE_CHECKING:
    from audit.report import Report
    from demo.progress import Bar, Steps
    from demo.run import Demo
    from demo.summary import Summary

REDRAW_S = 1.0
BACK_WITHIN_S = 120.0


def demo(
    rate: Annotated[float, typer.Option(min=0.1, help="Transactions per second.")] = 10.0,
    seconds: Annotated[
        float | None, typer.Option("--for", min=1, help="End after so many seconds of traffic.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="No page; end with one JSON line of what was measured.")
    ] = False,
    without: Annotated[str | None, typer.Option(help="Leave out these parts: opensearch,flink")] = None,
    flaws: Annotated[bool, typer.Option(help="Retries, late and malformed events among the traffic.")] = True,
    history_days: Annotated[
        int | None, typer.Option(min=1, max=150, help="Days of history that a stack without any gets. [37]")
    ] = None,
    home: Home = None,
    port_base: PortBase = None,
) -> None:
    """Start every part, load a history (once) and send live traffic until Ctrl-C.

    Ctrl-C stops all that was started; data stays, and the next demo goes on where this one was. Parts that
    ran before are used and run on.
    """
    from rich.console import Console

    from demo.progress import steps_on
    from demo.run import Demo, Options
    from local.stack import Stack
    from streamkit.errors import StreamkitError

    if as_json and seconds is None:
        raise typer.BadParameter("--json needs an end: say --for SECONDS")
    console = Console(stderr=True)
    plain = as_json or not console.is_terminal
    steps = steps_on(console, plain=plain)
    options = Options(Stack.at(home, port_base), rate, tuple(names(without)), flaws)
    if history_days is not None:
        options = dataclasses.replace(options, history_days=history_days)
    running = Demo(options, steps)
    try:
        with running.running():
            running.watch.seen.restart()
            try:
                _show(running, console, seconds, plain=plain)
            except KeyboardInterrupt:
                console.print("Stopping; data stays.")
                return
            measured = _measured(running, steps) if as_json else None
    except StreamkitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    if measured is not None:
        summary, complete = measured
        typer.echo(json.dumps(dataclasses.asdict(summary)))
        if summary.lost or summary.doubled or not complete:
            raise typer.Exit(1)


def _measured(running: Demo, steps: Steps) -> tuple[Summary, bool]:
    """End a run; what it came to, and whether every store that should run was there to be compared."""
    from cli.audit import audited
    from demo.finish import finish
    from local.supervise import wait_ready

    stack, complete = running.options.stack, True
    for part in ("kafka", "registry"):  # they may just be starting again, and there is nothing to say without
        wait_ready(stack, part, BACK_WITHIN_S)
    with connected(stack.home, stack.port_base) as platform:

        def compared(bar: Bar, wait_s: float) -> Report:
            nonlocal complete
            report = audited(stack, platform, wait_s=wait_s, progress=lambda say: bar(None, say))
            complete = not report.unanswered
            if not report.agrees:
                typer.echo("\n".join(report.lines()), err=True)
            return report

        summary = finish(running, steps, compared)
        return summary, complete


def _show(demo: Demo, console: object, seconds: float | None, *, plain: bool) -> None:
    """Draw the page, or only wait, until the time is over; raises KeyboardInterrupt on Ctrl-C."""
    from rich.console import Console
    from rich.live import Live

    from demo.page import page

    assert isinstance(console, Console)  # noqa: S101 - imported late, so typed late
    until = time.monotonic() + (seconds or float("inf"))
    if plain:
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, REDRAW_S))
        return
    with Live(page(demo.moment()), console=console, screen=True, auto_refresh=False) as live:
        while (left := until - time.monotonic()) > 0:
            live.update(page(demo.moment()), refresh=True)
            time.sleep(min(left, REDRAW_S))
