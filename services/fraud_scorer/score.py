"""Pure: a decision on every enriched transaction, at once, with what is known."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from payments.decision import NO_RULES, Decision, Outcome, Thresholds, decide
from payments.features import EVENT_TIMES, FEATURE_NAMES, TERMINAL_WINDOWS, terminal_features, vector
from payments.logs import StoredLogs
from services.fraud_scorer.errors import EmptyError, EventTimeError, WrongKeyError
from services.fraud_scorer.metrics import FraudScorerMetrics
from services.fraud_scorer.rule_values import rule_values
from services.fraud_scorer.sides import Known, known, labels_of
from streamkit.errors import DeadLetterError
from streamkit.headers import carried
from streamkit.records import Output, Record, Rejected
from streamkit.serde import AvroEncoder, Decoder
from streamkit.side import SideView
from streamkit.state import PartitionState

INPUT = "payments.enriched.v1"
DECISIONS = "payments.decisions.v1"
ALERTS = "payments.alerts.v1"
DECISION_OUTPUT, ALERT_OUTPUT = "decisions", "alerts"  # the named outputs

_NO_THRESHOLDS = Thresholds(1.0, 1.0)
_IDENTITY = (
    "transaction_id",
    "tenant",
    "customer_id",
    "card_id",
    "terminal_id",
    "amount_minor",
    "currency",
    "event_time",
    "origin",
)
_NO_TERMINAL: Mapping[str, Any] = {"merchant_name": None, "category": None, "country": None}


class _Scored(NamedTuple):
    """A transaction with its features, before the decision."""

    record: Record
    transaction: dict[str, Any]
    vector: list[float]
    features: dict[str, float]  # the same by name


class Score:
    """The scorer's step."""

    def __init__(self, decoder: Decoder, decisions: AvroEncoder, alerts: AvroEncoder) -> None:
        """Take the codecs of `INPUT`, `DECISIONS` and `ALERTS`."""
        self._decoder = decoder
        self._decisions = decisions
        self._alerts = alerts

    def __call__(
        self, batch: Sequence[Record], side: SideView, state: PartitionState
    ) -> Iterator[Output | Rejected]:
        """Yield a decision per transaction, an alert behind it unless it is approved, and the rejected."""
        scored: list[_Scored] = []
        for found in self._featured(batch, side, state):
            if isinstance(found, Rejected):
                yield found
            else:
                scored.append(found)
        now = known(side)
        scores = now.model.score([one.vector for one in scored]) if now.model else [None] * len(scored)
        outcomes: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for one, score in zip(scored, scores, strict=True):
            decision = _decided(one, score, now)
            outcomes[decision.outcome] += 1
            reasons.update(reason.code for reason in decision.reasons)
            yield from self._outputs(one, decision, now, side.vector)
        _count(outcomes, reasons)

    def _featured(
        self, batch: Sequence[Record], side: SideView, state: PartitionState
    ) -> Iterator[_Scored | Rejected]:
        logs = StoredLogs(state)
        dropped = 0
        for record in batch:
            try:
                transaction = self._valid(record)
            except DeadLetterError as error:
                yield Rejected(record, error.reason, str(error), error.field_path, error.schema_id)
                continue
            tenant, terminal = transaction["tenant"], transaction["terminal_id"]
            time_ms, amount = transaction["event_time"], transaction["amount_minor"]
            dropped += TERMINAL_WINDOWS.forget_silent(state, time_ms)
            labels = labels_of(side, tenant, terminal)
            of_terminal = terminal_features(logs, tenant, terminal, time_ms, labels)
            features = vector(amount, time_ms, transaction["customer_features"], of_terminal)
            yield _Scored(record, transaction, features, dict(zip(FEATURE_NAMES, features, strict=True)))
        FraudScorerMetrics.windows_dropped_total.inc(dropped)

    def _valid(self, record: Record) -> dict[str, Any]:
        if record.value is None:
            raise EmptyError
        transaction: dict[str, Any] = self._decoder.decode(record.value)
        if record.key != transaction["terminal_id"].encode():
            raise WrongKeyError(record.key, transaction["terminal_id"])
        if transaction["event_time"] not in EVENT_TIMES:
            raise EventTimeError(transaction["event_time"])
        return transaction

    def _outputs(
        self, one: _Scored, decision: Decision, now: Known, side_vector: Mapping[str, int]
    ) -> Iterator[Output]:
        record, transaction = one.record, one.transaction
        customer, terminal = transaction["customer"], transaction["terminal"] or _NO_TERMINAL
        common = {
            **{name: transaction[name] for name in _IDENTITY},
            "merchant_name": terminal["merchant_name"],
            "category": terminal["category"],
            "country": terminal["country"],
            "outcome": decision.outcome.value,
            "score": decision.score,
            "reasons": [{"code": reason.code, "text": reason.text} for reason in decision.reasons],
        }
        key, headers = transaction["customer_id"].encode(), carried(record)
        value = self._decisions.encode(
            {
                **common,
                "features": one.features,
                "credit_limit_minor": customer["credit_limit_minor"] if customer else None,
                "model_hash": now.model.hash if now.model else "",
                "rule_set_version": now.rules.version if now.rules else "",
                "joins": transaction["joins"],
                "side_positions": {**transaction["side_positions"], **side_vector},
            }
        )
        yield Output(DECISION_OUTPUT, key, value, record.timestamp_ms, headers)
        if decision.outcome is not Outcome.APPROVE:
            yield Output(ALERT_OUTPUT, key, self._alerts.encode(common), record.timestamp_ms, headers)


def _decided(one: _Scored, score: float | None, now: Known) -> Decision:
    if now.rules is None:
        findings = [NO_RULES]
    else:
        findings = now.rules.findings(rule_values(now.rules.needs, one.transaction, one.features, score))
    return decide(findings, score, now.model.thresholds if now.model else _NO_THRESHOLDS)


def _count(outcomes: Mapping[str, int], reasons: Mapping[str, int]) -> None:
    for outcome, number in outcomes.items():
        FraudScorerMetrics.decisions_total.inc(number, outcome=outcome)
    for code, number in reasons.items():
        FraudScorerMetrics.reasons_total.inc(number, code=code)
