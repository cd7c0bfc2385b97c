"""Measures on cases that can be counted by hand."""

import numpy as np
import pytest

from payments.decision import Thresholds
from training.dataset import NEVER, Dataset
from training.evaluate import card_precision, choose_thresholds, measure, outcomes

# customer, day, reported at (None: never), score
ROWS = [
    (1, 10, None, 0.9),
    (1, 10, 300, 0.2),
    (2, 10, 310, 0.8),
    (3, 10, None, 0.7),
    (4, 9, 90, 0.0),
    (4, 10, 320, 0.95),
    (2, 11, 400, 0.1),
    (3, 11, 410, 0.6),
    (5, 11, None, 0.5),
]
STARTS = {10: 100, 11: 305}


def dataset():
    customer, day, reported, _ = zip(*ROWS, strict=True)
    times = np.array([NEVER if at is None else at for at in reported])
    return Dataset(np.zeros((len(ROWS), 1)), np.array(customer), np.array(day), times)


def scores():
    return np.array([row[3] for row in ROWS])


def test_card_precision_takes_each_cards_best_score_and_leaves_out_known_cards():
    data = dataset()
    frauds = data.frauds(1000)
    # Day 10: card 4 is known. The best two of 1 (0.9), 2 (0.8), 3 (0.7) are 1 and 2, both compromised.
    assert card_precision(data, frauds, scores(), {10: 100}, 2) == 1.0
    # Day 11: cards 4 and 1 are known (reports at 90 and 300). The best two are 3 (a fraud) and 5.
    assert card_precision(data, frauds, scores(), {11: 305}, 2) == 0.5
    assert card_precision(data, frauds, scores(), STARTS, 2) == 0.75


def test_measures_look_at_the_test_days_only():
    metrics = measure(dataset(), scores(), 1000, {11: 305}, 2)
    # Frauds score 0.1 and 0.6, the genuine one 0.5: one of two pairs is in order.
    assert metrics["auc_roc"] == 0.5
    assert metrics["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert metrics["card_precision_at_2"] == 0.5


def test_a_fraud_counts_from_its_report_on():
    assert dataset().frauds(305).sum() == 2


def test_thresholds_are_the_lowest_that_are_precise_enough():
    frauds = np.array([True] * 9 + [False] + [True] * 5 + [False] * 40)
    ordered = np.round(np.linspace(0.9, 0.1, len(frauds)), 6)  # as scores are
    limits = choose_thresholds(frauds, ordered)
    above = ordered >= limits.decline
    assert frauds[above].mean() >= 0.9
    assert (ordered >= limits.decline).sum() == 15
    assert frauds[ordered >= limits.review].mean() >= 0.4
    assert limits.review < limits.decline


def test_without_any_precise_threshold_nothing_is_declined():
    limits = choose_thresholds(np.array([False, False, True]), np.array([0.9, 0.8, 0.1]))
    assert limits == Thresholds(1.0, 1.0)


def test_outcomes_count_what_lies_above_each_threshold():
    found = outcomes(
        np.array([True, False, True, False]), np.array([0.9, 0.8, 0.4, 0.1]), Thresholds(0.4, 0.9)
    )
    assert found["decline_precision"] == 1.0
    assert found["decline_recall"] == 0.5
    assert found["review_precision"] == pytest.approx(2 / 3)
    assert found["review_share"] == 0.75
