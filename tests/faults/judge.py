"""Pure: whether the outputs are those that the log asks for, in its order; asked again after each schedule.

Nothing of the product's windows is used: `brute_windows` looks at every event ever seen.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from payments.features import LABEL_DELAY_DAYS, WINDOW_DAYS
from payments.windows import LATENESS_MS, Span, days
from tests.support.brute_windows import Reference

DAY_MS = 86_400_000
REPORTS_SIDE = "payments.fraud-reports.v1-0"
_CUSTOMER = tuple(days(length) for length in WINDOW_DAYS)
_TERMINAL = tuple(days(length, delay=LABEL_DELAY_DAYS) for length in WINDOW_DAYS)
_FIRST = 5


class At(NamedTuple):
    """Where a record stands."""

    partition: int
    offset: int


class Seen(NamedTuple):
    """A record as the judges need it; `source` is the place of the transaction that it was made from."""

    at: At
    source: At
    ingest_ms: int
    value: Mapping[str, Any]


@dataclass(slots=True)
class Found:
    """What the judges found; `examples` names the first of it.

    `crossed` is no fault: decisions behind a later one of the same customer, who paid at another terminal and
    so through another partition. `lost` and `doubled` are changes of the bank's rows: what else is lost or
    doubled the audit finds.
    """

    lost: int = 0
    doubled: int = 0
    crossed: int = 0
    reordered: int = 0
    wrong_state: int = 0
    compared: int = 0
    examples: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Keep an example, as long as there is room."""
        if len(self.examples) < _FIRST:
            self.examples.append(what)


class Order:
    """Outputs of one hop: within an output partition, those of one input partition keep its order.

    That is more than order per key, because a key has one input partition.
    """

    def __init__(self, hop: str) -> None:
        self._hop = hop
        self._last: dict[tuple[int, int], int] = {}

    def take(self, output: At, source: At, found: Found) -> None:
        """Take the next output in the order of its partition."""
        lane = (output.partition, source.partition)
        last = self._last.get(lane, -1)
        if source.offset <= last:
            found.reordered += 1
            found.note(
                f"reordered {self._hop}/{output.partition}/{output.offset}: made from "
                f"{source.partition}/{source.offset}, behind one made from {source.partition}/{last}"
            )
        self._last[lane] = max(last, source.offset)


class Judge:
    """Gathers a log as it grows and says of each new output whether it is in order and what it should be."""

    def __init__(self) -> None:
        self._customers = _Keys(_CUSTOMER)
        self._terminals = _Keys(_TERMINAL)
        self._marked: dict[tuple[str, str], int] = {}
        self._customer_features: dict[At, dict[str, float]] = {}
        self._enriched: dict[At, At] = {}
        self._features: dict[At, _Decidable] = {}
        self._reports: defaultdict[tuple[str, str], list[tuple[int, Mapping[str, Any]]]] = defaultdict(list)
        self._newest: dict[tuple[str, str], int] = {}
        self._orders = {name: Order(name) for name in ("enriched", "decisions")}

    def transaction(self, seen: Seen) -> None:
        """Take a raw transaction; those of a partition come in its order."""
        value = seen.value
        identity = (value["tenant"], value["transaction_id"])
        marked = self._marked.get(identity)
        if marked is not None and seen.ingest_ms - marked < DAY_MS:
            return
        self._marked[identity] = seen.ingest_ms
        key = (value["tenant"], value["customer_id"], value["currency"])
        windows = self._customers.observe(key, value["event_time"], value["amount_minor"])
        features: dict[str, float] = {}
        for length, (count, total) in zip(WINDOW_DAYS, windows, strict=True):
            features |= {f"count_{length}d": count, f"mean_amount_minor_{length}d": total / count}
        self._customer_features[seen.at] = features

    def report(self, seen: Seen) -> None:
        """Take a fraud report; they come in the order of their partition."""
        key = (seen.value["tenant"], seen.value["terminal_id"])
        self._reports[key].append((seen.at.offset, seen.value))

    def enriched(self, seen: Seen, found: Found) -> None:
        """Take an output of the enricher; its transaction was taken before."""
        self._orders["enriched"].take(seen.at, seen.source, found)
        value = seen.value
        expected = self._customer_features.get(seen.source)
        _compare("enriched", seen, value["customer_features"], expected, found)
        key = (value["tenant"], value["terminal_id"])
        windows = self._terminals.observe(key, value["event_time"], 0)
        self._enriched[seen.source] = seen.at
        self._features[seen.source] = _Decidable(value, expected or {}, [count for count, _ in windows])

    def decision(self, seen: Seen, found: Found) -> None:
        """Take a decision; its enriched transaction was taken before."""
        decidable = self._features.get(seen.source)
        if decidable is None:
            _compare("decisions", seen, seen.value["features"], None, found)
            return
        self._orders["decisions"].take(seen.at, self._enriched[seen.source], found)
        customer = (decidable.value["tenant"], decidable.value["customer_id"])
        found.crossed += seen.source.offset < self._newest.get(customer, -1)
        self._newest[customer] = max(seen.source.offset, self._newest.get(customer, -1))
        known = self._labels(decidable, seen.value["side_positions"].get(REPORTS_SIDE, 0))
        _compare("decisions", seen, seen.value["features"], decidable.vector(known), found)

    def _labels(self, decidable: "_Decidable", positions: int) -> list[int]:
        value, reported = decidable.value, {}
        for offset, report in self._reports[value["tenant"], value["terminal_id"]]:
            if offset < positions:
                reported.setdefault(report["transaction_id"], report)
        now = value["event_time"]
        at_last = [r["transaction_time"] for r in reported.values() if r["event_time"] <= now]
        return [
            sum(now - span.reach_ms < time <= now - span.delay_ms for time in at_last) for span in _TERMINAL
        ]


class _Keys:
    """A reference per key."""

    def __init__(self, spans: tuple[Span, ...]) -> None:
        keep = max(span.reach_ms for span in spans) + LATENESS_MS
        self._spans = spans
        self._of: defaultdict[tuple[str, ...], Reference] = defaultdict(lambda: Reference(keep))

    def observe(self, key: tuple[str, ...], time_ms: int, amount: int) -> list[tuple[int, int]]:
        return self._of[key].observe(time_ms, amount, self._spans)


@dataclass(frozen=True, slots=True)
class _Decidable:
    """An enriched transaction with what the references say of it."""

    value: Mapping[str, Any]
    customer: Mapping[str, float]
    terminal: list[int]

    def vector(self, frauds: list[int]) -> dict[str, float]:
        """The features by name, given the known frauds in each of the terminal's windows."""
        amount = self.value["amount_minor"]
        at = datetime.fromtimestamp(self.value["event_time"] // 1000, UTC)
        mean = self.customer.get("mean_amount_minor_30d", 0.0)
        vector = {"amount_minor": amount, "is_night": at.hour <= 6, "is_weekend": at.weekday() >= 5}
        vector |= {f"customer_{name}": value for name, value in self.customer.items()}
        vector["amount_ratio_30d"] = amount / mean if mean else 1.0
        for length, count, fraud in zip(WINDOW_DAYS, self.terminal, frauds, strict=True):
            vector[f"terminal_count_{length}d"] = count
            vector[f"terminal_risk_{length}d"] = min(fraud / count, 1.0) if count else 0.0
        return {name: float(value) for name, value in vector.items()}


def _compare(
    hop: str, seen: Seen, actual: Mapping[str, float], expected: Mapping[str, float] | None, found: Found
) -> None:
    found.compared += 1
    wrong = sorted(set(actual) ^ set(expected or {})) if expected is not None else ["its source"]
    if not wrong and expected is not None:
        wrong = [name for name in expected if abs(actual[name] - expected[name]) > 1e-9 * abs(expected[name])]
    if wrong:
        found.wrong_state += 1
        name = wrong[0]
        values = f": {actual.get(name)}, expected {(expected or {}).get(name)}"
        found.note(f"wrong state {hop}/{seen.at.partition}/{seen.at.offset}: {name}{values}")
