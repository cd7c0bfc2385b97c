"""How good scores are: the three measures of the Fraud Detection Handbook, and what the thresholds do."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from payments.decision import Thresholds
from training.dataset import Dataset

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

DECLINE_PRECISION = 0.9  # of the transactions declined, so many are frauds (on customers not learnt from)
REVIEW_PRECISION = 0.4


def measure(
    dataset: Dataset, scores: Floats, known_at_ms: int, day_starts: dict[int, int], top: int
) -> dict[str, float]:
    """Measures over the days of `day_starts`, with the frauds reported before `known_at_ms`.

    Args:
        dataset: the test days, and the days before them whose reports are to be known.
        scores: the model's, [n]; looked at on the test days only.
        known_at_ms: when the labels are taken.
        day_starts: first millisecond of each test day.
        top: cards that can be looked at per day.
    """
    tested = np.isin(dataset.day, list(day_starts))
    frauds = dataset.frauds(known_at_ms)
    return {
        "auc_roc": float(roc_auc_score(frauds[tested], scores[tested])),
        "average_precision": float(average_precision_score(frauds[tested], scores[tested])),
        f"card_precision_at_{top}": card_precision(dataset, frauds, scores, day_starts, top),
    }


def card_precision(
    dataset: Dataset, frauds: Bools, scores: Floats, day_starts: dict[int, int], top: int
) -> float:
    """Mean over days of: of the `top` cards with the highest score of the day, the part that was compromised.

    A card counts with its highest score of the day. Cards with a report before the day began are left out:
    nobody needs to be told about them. `dataset` is of all days whose reports count.
    """
    daily = []
    for day, start_ms in day_starts.items():
        known = np.unique(dataset.customer[dataset.reported_ms < start_ms])
        chosen = (dataset.day == day) & ~np.isin(dataset.customer, known)
        cards = dataset.customer[chosen]
        first = np.unique(cards[np.argsort(-scores[chosen], kind="stable")], return_index=True)
        highest = first[0][np.argsort(first[1])][:top]
        daily.append(np.isin(highest, cards[frauds[chosen]]).sum() / top)
    return float(np.mean(daily))


def choose_thresholds(frauds: Bools, scores: Floats) -> Thresholds:
    """The lowest scores from which on reviews and declines are as precise as declared."""
    precision, _, limits = precision_recall_curve(frauds, scores)
    review = _lowest(precision[:-1], limits, REVIEW_PRECISION)
    return Thresholds(review=review, decline=max(review, _lowest(precision[:-1], limits, DECLINE_PRECISION)))


def outcomes(frauds: Bools, scores: Floats, thresholds: Thresholds) -> dict[str, float]:
    """Precision, recall and share of all transactions at or above each threshold."""
    found = {}
    for name, limit in (("review", thresholds.review), ("decline", thresholds.decline)):
        above = scores >= limit
        hits = int(np.count_nonzero(above & frauds))
        found[f"{name}_precision"] = hits / max(int(np.count_nonzero(above)), 1)
        found[f"{name}_recall"] = hits / max(int(np.count_nonzero(frauds)), 1)
        found[f"{name}_share"] = float(np.mean(above))
    return found


def _lowest(precision: Floats, limits: Floats, wanted: float) -> float:
    enough: Sequence[float] = limits[precision >= wanted].tolist()
    return round(min(enough), 6) if enough else 1.0
