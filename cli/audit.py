"""`kapstan audit`: whether what was acknowledged, Kafka, bronze, decisions and OpenSearch agree."""

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cli.connection import SCHEMAS, AsJson, connected
from cli.options import PLACE, Home, PortBase
from local.probe import http_missing
from local.stack import Stack
from local.status import status
from streamkit.catalogue import Catalogue
from streamkit.clock import SystemClock
from streamkit.topics_apply import Platform

if TYPE_CHECKING:
    from audit.report import Report
    from audit.run import Progress, Stores
    from services.lake_sink.config import LakeSettings


Topic = Annotated[str | None, typer.Option(help="Only what concerns this topic.")]
Ledger = Annotated[
    Path | None, typer.Option(help="Acknowledged events.", show_default="the stack's, if there is one")
]
Begin = Annotated[
    str | None, typer.Option("--from", help=f"Where to begin: {PLACE}.", show_default="the oldest record")
]
End = Annotated[
    str | None, typer.Option("--to", help="Where to end, without that record.", show_default="now")
]
Content = Annotated[
    bool, typer.Option(help="Compare what bronze's rows say too, not only that they are there.")
]
Follow = Annotated[bool, typer.Option(help="Go on with what is new until Ctrl-C; print only what differs.")]
MetricsPort = Annotated[
    int, typer.Option(min=0, max=65535, help="Of --follow's /metrics; 0 takes a free one.")
]
Wait = Annotated[float, typer.Option(min=0, help="Seconds the stores have to catch up.")]


def audit(  # noqa: PLR0913, PLR0917 - one parameter for each option
    topic: Topic = None,
    ledger: Ledger = None,
    begin: Begin = None,
    end: End = None,
    content: Content = True,
    follow: Follow = False,
    metrics_port: MetricsPort = 0,
    wait: Wait = 60.0,
    home: Home = None,
    port_base: PortBase = None,
    as_json: AsJson = False,
) -> None:
    """Compare the stores record by record; exit with 1 unless all that should run agree.

    With --from and --to only a part of the log: a time means the same events in every topic; an offset is
    one of --topic. Effects are looked for in the whole log all the same.
    """
    if ledger is not None and not ledger.is_file():
        raise typer.BadParameter(
            f"there is no file {ledger}, so nothing would be compared with it; "
            "name the file that the senders wrote, or leave --ledger out to take the stack's"
        )
    stack = Stack.at(home, port_base)
    if follow:
        from cli.audit_follow import Following, run

        run(home, port_base, Following(topic, ledger or ledger_of(stack), begin, end, content, metrics_port))
        return
    with connected(home, port_base) as platform, Console(stderr=True).status("starting") as shown:
        report = audited(
            stack,
            platform,
            topic=topic,
            ledger=ledger,
            wait_s=wait,
            progress=shown.update,
            begin=begin,
            end=end,
            content=content,
        )
    if as_json:
        typer.echo(json.dumps(report.to_json()))
    else:
        for line in report.lines():
            typer.echo(line)
    if not report.agrees:
        raise typer.Exit(1)


def audited(  # noqa: PLR0913 - as many as the command has
    stack: Stack,
    platform: Platform,
    *,
    topic: str | None = None,
    ledger: Path | None = None,
    wait_s: float = 60.0,
    progress: "Progress",
    begin: str | None = None,
    end: str | None = None,
    content: bool = True,
) -> "Report":
    """Run one audit of a stack and return what it found; blocks.

    Args:
        stack: where the stores are, unless KAPSTAN_ variables name others.
        platform: clients of Kafka and the registry.
        topic: only what concerns this topic; None for all that bronze keeps.
        ledger: file of acknowledged events; None takes the stack's, if there is one.
        wait_s: how long in all the stores may take to catch up.
        progress: told what is being done.
        begin: where to begin, as `kapstan replay --from` takes it; None for the oldest record.
        end: where to end, without that record; None for where the log stands now.
        content: whether to compare what bronze's rows say with what the records in Kafka do.

    Raises:
        ReplayRefusedError: the bounds mean nothing, or no record lies between them.
        RetryableError: a store that was asked stopped answering.
        UnknownTopicError: the catalogue has no such topic.
    """
    from audit.part import part_of
    from audit.plan import plan_of
    from audit.run import Audit, Stores

    catalogue = Catalogue.load(SCHEMAS)
    plan, part = plan_of(catalogue, topic), part_of(begin, end, topic)
    path = ledger or ledger_of(stack)
    stores = Stores(platform.broker, platform.registry, None, None)
    with ExitStack() as closing:
        open_sinks(stack, stores, closing)
        lines = closing.enter_context(path.open("rb")) if path.is_file() else None
        if lines is None:
            stores.skipped.append(f"acknowledged events: there is no ledger {path}")
        audit = Audit(stores, catalogue, SystemClock(), wait_s, progress, content=content)
        return audit.run(plan, lines, part)


def ledger_of(stack: Stack) -> Path:
    """Return where the senders of a stack note what was acknowledged."""
    return stack.home / "data" / "traffic" / "ledger.jsonl"


def open_sinks(stack: Stack, stores: "Stores", closing: ExitStack) -> None:
    """Open the stores behind the sinks; one that does not answer is left out, and said to be."""
    from audit.bronze import Bronze
    from audit.search import Search

    missing = http_missing(stack.port("seaweedfs.s3"), "/healthz")
    if "KAPSTAN_CATALOG_URI" in os.environ or missing is None:
        stores.bronze = Bronze(lake_settings(stack))
    else:
        _leave_out(stack, stores, "bronze", ("seaweedfs", "lake_sink"), missing)
    _open_windows(stack, stores)
    url = os.environ.get("KAPSTAN_OPENSEARCH_URL") or stack.url("opensearch.http")
    missing = http_missing(stack.port("opensearch.http"), "/")
    if "KAPSTAN_OPENSEARCH_URL" in os.environ or missing is None:
        stores.search = Search(url)
        closing.callback(stores.search.close)
    else:
        _leave_out(stack, stores, "opensearch", ("opensearch", "search_sink"), missing)


def _open_windows(stack: Stack, stores: "Stores") -> None:
    from audit.gold import Gold
    from audit.windows import Windows
    from flink_jobs.windows.load import load

    missing = http_missing(stack.port("flink.rest"), "/overview")
    if "KAPSTAN_FLINK_URL" not in os.environ and missing is not None:
        _leave_out(stack, stores, "windows", ("flink", "flink_taskmanager"), missing)
    elif stores.bronze is None:
        stores.skipped.append("windows: their tables are where bronze is")
    else:
        url = os.environ.get("KAPSTAN_FLINK_URL") or stack.url("flink.rest")
        gold = Gold(lake_settings(stack), url, load(SCHEMAS))
        stores.windows = Windows(gold, stores.registry, SystemClock())


def _leave_out(stack: Stack, stores: "Stores", store: str, parts: tuple[str, str], missing: str) -> None:
    """Note that a store is not compared; it is a fault if the store's part, or its sink's, should run."""
    known = {part.name: part.state for part in status(stack)}
    wanted = [name for name in parts if known.get(name, "stopped") != "stopped"]
    if wanted:
        states = ", ".join(f"{name} is {known[name]}" for name in wanted)
        stores.unanswered.append(
            f"{store}: {missing}, though {states}; see `kapstan status`, and run the audit again"
        )
    else:
        stores.skipped.append(f"{store}: {parts[0]} does not run")


def lake_settings(stack: Stack) -> "LakeSettings":
    """Return where the lake is: the environment's, else the stack's. Raises ConfigError."""
    from services.lake_sink.config import LakeSettings

    return LakeSettings.load(**_unless_set(_lake(stack)))


def _lake(stack: Stack) -> dict[str, object]:
    return {
        "bootstrap_servers": stack.bootstrap_servers,
        "registry_url": stack.registry_url,
        "http_port": 0,
        "state_dir": stack.run,
        "catalog_uri": stack.url("seaweedfs.iceberg"),
        "s3_endpoint": stack.url("seaweedfs.s3"),
        "s3_access_key_file": stack.secret_file("s3"),
    }


def _unless_set(settings: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in settings.items() if f"KAPSTAN_{name.upper()}" not in os.environ}
