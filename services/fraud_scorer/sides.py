"""Pure: what the scorer knows beside the transaction: fraud labels, the rules and the model in force."""

from typing import Any, NamedTuple

from payments.labels import NO_LABELS, Labels, Report
from payments.model import KIND, Model, ModelError
from payments.rules import Rule, RuleSet, RuleSetError
from services.fraud_scorer.errors import EmptyError, InvalidModelError, InvalidRulesError
from streamkit.records import Record
from streamkit.serde import AvroDecoder
from streamkit.side import SideInput, SideView

FRAUD_REPORTS = "payments.fraud-reports.v1"
RULES = "platform.rules.v1"
MODELS = "platform.models.v1"

_IN_FORCE = "in force"  # the one row of the rules' and of the models' table


class Known(NamedTuple):
    """The rules and the model in force; None before the first was published."""

    rules: RuleSet | None
    model: Model | None


def labels_input(decoder: AvroDecoder) -> SideInput:
    """Fraud reports, gathered per tenant and terminal."""

    def decode(record: Record) -> tuple[str, Report]:
        report = _decoded(decoder, record)
        key = terminal_key(report["tenant"], report["terminal_id"])
        return key, Report(report["transaction_id"], report["transaction_time"], report["event_time"])

    def gather(before: object | None, report: object) -> Labels:
        assert isinstance(report, Report)  # noqa: S101 - what `decode` returns
        labels = before if isinstance(before, Labels) else NO_LABELS
        return labels.with_report(report)

    return SideInput("labels", FRAUD_REPORTS, decode, gather)


def rules_input(decoder: AvroDecoder) -> SideInput:
    """Rule sets, the last valid one being in force; a broken one becomes a dead letter."""

    def decode(record: Record) -> tuple[str, RuleSet]:
        value = _decoded(decoder, record)
        version = value["rule_set_version"]
        try:
            return _IN_FORCE, RuleSet([Rule(**rule) for rule in value["rules"]], version)
        except (RuleSetError, ValueError) as error:
            raise InvalidRulesError(version, str(error)) from error

    return SideInput("rules", RULES, decode)


def models_input(decoder: AvroDecoder) -> SideInput:
    """Models, the last valid one being in force; a broken one becomes a dead letter."""

    def decode(record: Record) -> tuple[str, Model]:
        value = _decoded(decoder, record)
        try:
            return _IN_FORCE, _model(value)
        except ModelError as error:
            raise InvalidModelError(value["model_hash"], str(error)) from error

    return SideInput("models", MODELS, decode)


def known(side: SideView) -> Known:
    """The rules and the model in force at the view's positions."""
    rules, model = side.table("rules").get(_IN_FORCE), side.table("models").get(_IN_FORCE)
    return Known(rules.value if rules else None, model.value if model else None)  # type: ignore[arg-type]


def labels_of(side: SideView, tenant: str, terminal_id: str) -> Labels:
    """The labels of a terminal at the view's positions."""
    row = side.table("labels").get(terminal_key(tenant, terminal_id))
    return row.value if row is not None and isinstance(row.value, Labels) else NO_LABELS


def terminal_key(tenant: str, terminal_id: str) -> str:
    """Row key of a terminal's labels."""
    return f"{tenant}\x00{terminal_id}"


def _model(value: dict[str, Any]) -> Model:
    if value["kind"] != KIND:
        raise ModelError(f"its kind is {value['kind']!r}, this version reads {KIND!r}")
    model = Model(value["payload"])
    if model.hash != value["model_hash"]:
        raise ModelError(f"its payload has the hash {model.hash}")
    return model


def _decoded(decoder: AvroDecoder, record: Record) -> dict[str, Any]:
    if record.value is None:
        raise EmptyError
    value: dict[str, Any] = decoder.decode(record.value)
    return value
