"""Pure: replays as a list and one by one, for people and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from replay.holdings import Holdings
from replay.kept import Replay
from replay.watch import Pace, duration
from services.lake_sink.lines import is_before

_HEADINGS = ("namespace", "what", "sides", "made", "state", "records", "rows", "on disk")
_BYTES_IN_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Overview:
    """One replay as it stands. `state` is `running`, `finished`, `promoted` or `stopped` before its end."""

    replay: Replay
    state: str
    pace: Pace | None
    holds: Holdings

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        plan, pace = self.replay.plan, self.pace
        return {
            "namespace": self.replay.namespace,
            "target": self.replay.target.name,
            "kind": self.replay.target.kind,
            "sides": plan.sides,
            "made_ms": self.replay.made_ms,
            "state": self.state,
            "spans": spans(self.replay),
            "done": None if pace is None else pace.came,
            "total": None if pace is None else pace.total,
            "rate": None if pace is None else pace.rate,
            "left_s": None if pace is None else pace.left_s,
            **asdict(self.holds),
        }


def state_of(pace: Pace | None, holds: Holdings, *, runs: bool, finished: bool) -> str:
    """Return a replay's state in one word."""
    if runs:
        return "running"
    if any(is_before(name.rpartition("@")[2]) for name in holds.tables or ()):
        return "promoted"
    return "finished" if finished or (pace is not None and pace.came >= pace.total) else "stopped"


def spans(replay: Replay) -> dict[str, list[int]]:
    """Return for each input partition the first offset, and that behind the last."""
    plan = replay.plan
    return {
        f"{tp.topic}/{tp.partition}": [plan.starts.get(tp, 0), end] for tp, end in sorted(plan.ends.items())
    }


def table(found: Sequence[Overview]) -> Iterator[str]:
    """Yield all replays, one a line."""
    rows = [_HEADINGS, *(_row(each) for each in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def lines(found: Overview) -> Iterator[str]:
    """Yield one replay with all that is known of it."""
    replay = found.replay
    yield f"{replay.namespace}: {replay.target.name}, side inputs {replay.plan.sides}, {found.state}"
    yield f"made {_when(replay.made_ms)}"
    if found.pace is not None:
        yield f"{found.pace.share:.0%}: {found.pace}"
    for place, (start, end) in spans(replay).items():
        if end > start:
            yield f"  {place}: offsets {start} to {end - 1}"
    for name, records in found.holds.topics.items():
        yield f"  topic {name}: {records:,} records"
    for name, rows in (found.holds.tables or {}).items():
        yield f"  table {name}: {rows:,} rows"
    yield f"  {_megabytes(found.holds.local_bytes)} in its folder"
    if found.state == "stopped" and replay.target.kind != "window":
        yield f"`kapstan replay {replay.target.name} --namespace {replay.namespace}` goes on with it."
    if found.state == "promoted":
        yield f"Its rows are live's; `kapstan replay rollback {replay.namespace}` takes that back."


def _row(found: Overview) -> tuple[str, ...]:
    replay, pace, holds = found.replay, found.pace, found.holds
    state = found.state
    if pace is not None and state not in {"finished", "promoted"}:
        state += f", {pace.share:.0%}"
    if pace is not None and pace.left_s is not None and found.state == "running":
        state += f", {duration(pace.left_s)} left"
    return (
        replay.namespace,
        replay.target.name,
        replay.plan.sides,
        _when(replay.made_ms),
        state,
        f"{sum(holds.topics.values()):,}",
        "" if holds.tables is None else f"{sum(holds.tables.values()):,}",
        _megabytes(holds.local_bytes),
    )


def _when(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _megabytes(size: int) -> str:
    return f"{size / _BYTES_IN_MB:,.1f} MB"
