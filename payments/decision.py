"""The decision on one transaction: the most severe of what the rules and the model ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """What to do with a transaction."""

    APPROVE = "APPROVE"
    REVIEW = "REVIEW"
    DECLINE = "DECLINE"

    @property
    def severity(self) -> int:
        """0 for APPROVE, 1 for REVIEW, 2 for DECLINE."""
        return _SEVERITY[self]


_SEVERITY = {Outcome.APPROVE: 0, Outcome.REVIEW: 1, Outcome.DECLINE: 2}


class Reason(NamedTuple):
    """Why: a stable code and a sentence for people."""

    code: str
    text: str


class Finding(NamedTuple):
    """One thing that asks for an outcome."""

    outcome: Outcome
    reason: Reason


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores, 0 to 1, from which on the model asks for a review or a decline."""

    review: float
    decline: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome with the model's score (0 when there was none) and everything that asked for more."""

    outcome: Outcome
    score: float
    reasons: tuple[Reason, ...]


NO_MODEL = Finding(
    Outcome.REVIEW, Reason("no_model", "No model was known yet; publish one with: kapstan train --publish")
)
NO_RULES = Finding(
    Outcome.REVIEW, Reason("no_rules", "No rule set was known yet; publish one with: kapstan rules apply")
)


def decide(findings: Sequence[Finding], score: float | None, thresholds: Thresholds) -> Decision:
    """Decide from the rules' findings, in their order, and the model's score; never waits for either.

    Args:
        findings: what the rules found (see `RuleSet.findings`), or NO_RULES.
        score: the model's score, 0 to 1; None asks for a review, because there is no model.
        thresholds: the model's; not looked at without a score.
    """
    if score is None:
        findings = [*findings, NO_MODEL]
    elif score >= thresholds.review:
        findings = [*findings, _by_score(score, thresholds)]
    outcome = max((finding.outcome for finding in findings), key=_severity, default=Outcome.APPROVE)
    return Decision(outcome, score or 0.0, tuple([finding.reason for finding in findings]))


def _severity(outcome: Outcome) -> int:
    return _SEVERITY[outcome]


def _by_score(score: float, thresholds: Thresholds) -> Finding:
    if score >= thresholds.decline:
        text = f"The model's score {score:.3f} is at or above {thresholds.decline:.3f}."
        return Finding(Outcome.DECLINE, Reason("model_decline", text))
    text = f"The model's score {score:.3f} is at or above {thresholds.review:.3f}."
    return Finding(Outcome.REVIEW, Reason("model_review", text))
