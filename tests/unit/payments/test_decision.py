"""Decisions: the most severe finding wins, and nothing is waited for."""

import pytest

from payments.decision import NO_MODEL, NO_RULES, Finding, Outcome, Reason, Thresholds, decide

LIMITS = Thresholds(review=0.3, decline=0.8)
REVIEW = Finding(Outcome.REVIEW, Reason("odd", "It is odd."))
DECLINE = Finding(Outcome.DECLINE, Reason("blocked", "The card is blocked."))
APPROVE = Finding(Outcome.APPROVE, Reason("trusted", "The merchant is trusted."))


@pytest.mark.parametrize(
    ("findings", "score", "outcome", "codes"),
    [
        ([], 0.1, Outcome.APPROVE, []),
        ([], 0.3, Outcome.REVIEW, ["model_review"]),
        ([], 0.8, Outcome.DECLINE, ["model_decline"]),
        ([REVIEW], 0.1, Outcome.REVIEW, ["odd"]),
        ([REVIEW, DECLINE], 0.5, Outcome.DECLINE, ["odd", "blocked", "model_review"]),
        ([APPROVE], 0.9, Outcome.DECLINE, ["trusted", "model_decline"]),
        ([APPROVE], 0.0, Outcome.APPROVE, ["trusted"]),
        ([NO_RULES], 0.1, Outcome.REVIEW, ["no_rules"]),
        ([], None, Outcome.REVIEW, ["no_model"]),
        ([DECLINE], None, Outcome.DECLINE, ["blocked", "no_model"]),
    ],
)
def test_the_most_severe_finding_decides_and_all_are_reasons(findings, score, outcome, codes):
    decision = decide(findings, score, LIMITS)
    assert decision.outcome is outcome
    assert [reason.code for reason in decision.reasons] == codes
    assert decision.score == (score or 0.0)


def test_the_reason_of_a_score_says_score_and_threshold():
    assert decide([], 0.91234, LIMITS).reasons[0].text == "The model's score 0.912 is at or above 0.800."


def test_what_is_missing_names_the_command_that_publishes_it():
    assert "kapstan rules apply" in NO_RULES.reason.text
    assert "kapstan train --publish" in NO_MODEL.reason.text
