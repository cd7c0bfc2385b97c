"""Pure: everything that led to one decision, as data and as lines for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from payments.features import FEATURES, Feature, Key
from replay.fields import FieldDifference, differences, text

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Event:
    """An earlier transaction of the same customer or terminal. Time in ms since the epoch."""

    place: str
    transaction_id: str
    event_time: int
    currency: str


@dataclass(frozen=True, slots=True)
class RowUsed:
    """What a join found; without an offset there was no row."""

    table: str
    topic: str
    key: str
    offset: int | None
    columns: Mapping[str, Any] | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class FeatureUsed:
    """One place of the feature vector; `behind` are the transactions in its window, if it has one."""

    name: str
    value: float
    behind: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class RuleUsed:
    """One rule, and whether it matched, or why it could not be evaluated."""

    code: str
    when: str
    matched: bool | str


@dataclass(frozen=True, slots=True)
class Hop:
    """One service: what it read, what live wrote, and in which fields its step writes something else now.

    `same_bytes` tells whether key and value are live's, byte for byte.
    """

    service: str
    read: str
    wrote: str
    side: Mapping[str, int]
    same_bytes: bool
    different: tuple[FieldDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """One decision with every input it used; `redriven` names services that took records back meanwhile."""

    decision: Mapping[str, Any]
    transaction: Mapping[str, Any]
    hops: tuple[Hop, ...]
    rows: tuple[RowUsed, ...]
    features: tuple[FeatureUsed, ...]
    frauds_known: int
    rule_set: str | None
    rules: tuple[RuleUsed, ...]
    model: str | None
    redriven: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether both services write today what live wrote, byte for byte."""
        return all(hop.same_bytes for hop in self.hops)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        hops = [{**asdict(hop), "different": [each._asdict() for each in hop.different]} for hop in self.hops]
        return {"agrees": self.agrees, **asdict(self), "hops": hops}

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        decided = self.decision
        yield f"{decided['outcome']} on {decided['transaction_id']}, score {decided['score']}"
        yield from (f"  {each['code']}: {each['text']}" for each in decided["reasons"])
        yield "transaction, as received"
        yield from (f"  {name} = {_shown(name, value)}" for name, value in self.transaction.items())
        yield "rows"
        for row in self.rows:
            yield f"  {row.table} {row.key}: {_found(row)}"
        yield "features"
        width = max(len(one.name) for one in self.features)
        for one in self.features:
            yield f"  {one.name:<{width}} = {one.value:g}{_behind(one.behind)}"
        yield f"frauds reported by then at the terminal, in its longest window: {self.frauds_known}"
        yield f"model {self.model or 'none'}"
        yield f"rule set {self.rule_set or 'none'}"
        for rule in self.rules:
            yield f"  {_answer(rule.matched):<12} {rule.code}: {rule.when}"
        for hop in self.hops:
            yield f"{hop.service}: {hop.read} -> {hop.wrote}"
            yield from (f"  {name} before {offset}" for name, offset in hop.side.items())
            yield f"  done again: {'the same, byte for byte' if hop.same_bytes else 'something else'}"
            yield from (f"    {d.pointer}: live {d.live}, now {d.replayed}" for d in hop.different)
        if not self.agrees:
            yield from (
                f"records went back to {service} from the dead letters: a window that saw one may differ"
                for service in self.redriven
            )


def differing(live: Any, now: Any) -> tuple[FieldDifference, ...]:
    """Return in which fields two records differ."""
    return tuple(differences(live, now))


def features_of(
    values: Mapping[str, float],
    now_ms: int,
    currency: str,
    customer: Sequence[Event],
    terminal: Sequence[Event],
) -> tuple[FeatureUsed, ...]:
    """Return each feature with the transactions in its window.

    Args:
        values: the features by name.
        now_ms: event time of the decided transaction, ms since the epoch.
        currency: its currency; a customer's windows hold no other.
        customer: the customer's transactions up to it, in the order of the log, itself included.
        terminal: the terminal's, likewise.
    """
    mine = [event for event in customer if event.currency == currency]
    events: Mapping[Key, Sequence[Event]] = {Key.CUSTOMER: mine, Key.TERMINAL: terminal}
    return tuple(
        FeatureUsed(feature.name, values[feature.name], _in_window(feature, now_ms, events))
        for feature in FEATURES
        if feature.name in values
    )


def typed(values: Mapping[str, float]) -> dict[str, float]:
    """Return a decision's features as rules take them: whole ones as int; a record holds doubles only."""
    whole = {feature.name for feature in FEATURES if feature.whole}
    return {name: int(value) if name in whole else value for name, value in values.items()}


def _in_window(
    feature: Feature, now_ms: int, events: Mapping[Key, Sequence[Event]]
) -> tuple[str, ...] | None:
    span = feature.span
    if span is None or feature.key not in events:
        return None
    first, last = now_ms - span.reach_ms, now_ms - span.delay_ms
    return tuple(e.transaction_id for e in events[feature.key] if first < e.event_time <= last)


def _found(row: RowUsed) -> str:
    if row.offset is None or row.columns is None:
        return "no row"
    columns = ", ".join(f"{name} {text(value)}" for name, value in row.columns.items())
    return f"{columns} ({row.topic}/0/{row.offset}{', deleted since' if row.deleted else ''})"


def _behind(behind: tuple[str, ...] | None) -> str:
    if not behind:
        return ""
    more = f" and {len(behind) - _SHOWN} before" if len(behind) > _SHOWN else ""
    return f"   from {', '.join(behind[-_SHOWN:])}{more}"


def _answer(matched: bool | str) -> str:
    if isinstance(matched, str):
        return f"failed ({matched})"
    return "matched" if matched else "no"


def _shown(name: str, value: Any) -> str:
    if name == "event_time":
        return f"{datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec='milliseconds')} ({value})"
    return text(value)
