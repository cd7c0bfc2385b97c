"""The live terminal page: a picture of one moment, drawn from plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.lake import LakeRows
from local.status import Status

HOPS = (
    ("ingest_gateway", "gateway"),
    ("enricher", "enricher"),
    ("fraud_scorer", "fraud scorer"),
    ("refiner", "refiner (clicks)"),
    ("windows", "windows (Flink)"),
    ("lake_sink", "lake sink"),
    ("search_sink", "search sink"),
    ("live_views", "live views"),
)
COLOURS = {"ready": "green", "starting": "yellow", "unready": "red", "failed": "red", "stopped": "dim"}
ALERTS = 6


@dataclass(frozen=True, slots=True)
class Moment:
    """What the page shows; None where it is not known (yet)."""

    seconds: float
    rate: float
    parts: Sequence[Status] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    lags: Mapping[str, int] = field(default_factory=dict)
    decisions: int = 0
    p50_ms: int | None = None
    p99_ms: int | None = None
    sent: Mapping[str, Any] = field(default_factory=dict)
    alerts: Sequence[Mapping[str, Any]] = ()
    lake: LakeRows | None = None
    documents: int | None = None
    problem: str | None = None


def page(moment: Moment) -> RenderableType:
    """Everything, for one screen of about 45 lines and 100 columns."""
    lower = Table.grid(expand=True, padding=(0, 1))
    lower.add_column(ratio=1)
    lower.add_column(ratio=1)
    lower.add_row(_parts(moment), Group(_hops(moment), _figures(moment)))
    shown: list[RenderableType] = [_title(moment), lower, _alerts(moment), _addresses(moment)]
    if moment.problem:
        shown.append(Text(moment.problem, style="yellow"))
    return Group(*shown)


def _title(moment: Moment) -> RenderableType:
    memory = sum(part.memory_mb for part in moment.parts)
    return Text.assemble(
        ("Kapstan demo", "bold"),
        f"   {int(moment.seconds) // 60}:{int(moment.seconds) % 60:02d}",
        f"   {moment.rate:g} transactions/s over HTTP and gRPC",
        f"   {memory} MB   ",
        ("Ctrl-C stops it; data stays", "dim"),
    )


def _parts(moment: Moment) -> RenderableType:
    table = Table("part", "state", "memory", box=None, pad_edge=False)
    for part in moment.parts:
        state = Text(part.state, COLOURS.get(part.state, ""))
        table.add_row(part.name, state, f"{part.memory_mb} MB" if part.memory_mb else "")
        if part.detail:
            table.add_row("", Text(part.detail[:60], "dim"), "")
    return Panel(table, title="parts", title_align="left")


def _hops(moment: Moment) -> RenderableType:
    table = Table("hop", box=None, pad_edge=False)
    table.add_column("records/s", justify="right")
    table.add_column("lag", justify="right")
    for name, label in HOPS:
        if name in moment.rates or name in moment.lags:
            rate, lag = moment.rates.get(name), moment.lags.get(name)
            table.add_row(label, "" if rate is None else f"{rate:.1f}", "" if lag is None else str(lag))
    return Panel(table, title="flow", title_align="left")


def _figures(moment: Moment) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_row("decisions", f"{moment.decisions}")
    table.add_row("gateway to decision", f"p50 {_ms(moment.p50_ms)}   p99 {_ms(moment.p99_ms)}")
    sent = moment.sent
    if sent:
        text = f"{sent.get('acknowledged', 0)} acknowledged, {sent.get('refused', 0)} malformed ones refused"
        table.add_row("sent", text)
    if moment.lake is not None:
        rows = moment.lake
        table.add_row("lake", f"{rows.bronze:,} rows")
        table.add_row("windows", f"{rows.windows:,} rows, {rows.late:,} late ones")
    if moment.documents is not None:
        table.add_row("search", f"{moment.documents:,} documents")
    return Panel(table, title="figures", title_align="left")


def _alerts(moment: Moment) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_header=False, expand=True)
    for alert in list(moment.alerts)[-ALERTS:][::-1]:
        outcome = str(alert["outcome"])
        reasons = "; ".join(str(reason["text"]) for reason in alert["reasons"])
        table.add_row(
            Text(outcome, "red" if outcome == "DECLINE" else "yellow"),
            f"{alert['amount_minor'] / 100:,.2f} {alert['currency']}",
            Text(str(alert["customer_id"])),
            Text(f"{alert['merchant_name'] or 'unknown terminal'}, {alert['country'] or '?'}"),
            Text(reasons, "dim", overflow="ellipsis", no_wrap=True),
        )
    if not table.row_count:
        table.add_row(Text("none yet", "dim"))
    return Panel(table, title="last alerts", title_align="left")


def _addresses(moment: Moment) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for part in moment.parts:
        for label, address in part.addresses.items():
            if address.startswith("http"):
                table.add_row(label, Text(address, "cyan"))
    return Panel(table, title="open", title_align="left")


def _ms(value: int | None) -> str:
    return "-" if value is None else f"{value} ms"
