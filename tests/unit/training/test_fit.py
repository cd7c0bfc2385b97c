"""The exported trees against scikit-learn's own predictions."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from payments.decision import Thresholds
from payments.features import FEATURE_NAMES
from payments.model import Model
from training.fit import fit
from training.parameters import TreeParameters

PARAMETERS = TreeParameters(trees=20, folds=2)
LIMITS = Thresholds(0.3, 0.8)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(3_000, len(FEATURE_NAMES)))
    frauds = vectors[:, 0] + vectors[:, 5] * vectors[:, 9] + rng.normal(size=3_000) > 2.5
    return vectors, frauds


def test_the_exported_model_scores_as_scikit_learn_does(data):
    vectors, frauds = data
    scores = np.array(Model(fit(vectors, frauds, PARAMETERS, LIMITS).canonical()).score(vectors))
    original = HistGradientBoostingClassifier(
        max_iter=20,
        learning_rate=PARAMETERS.learning_rate,
        max_depth=PARAMETERS.depth,
        max_leaf_nodes=None,
        l2_regularization=PARAMETERS.l2,
        class_weight="balanced",
        early_stopping=False,
        random_state=1,
    ).fit(vectors, frauds)
    raw = original.decision_function(vectors) + np.log(frauds.sum() / (~frauds).sum())
    assert scores == pytest.approx(1 / (1 + np.exp(-raw)), abs=2e-6)


def test_scores_are_probabilities(data):
    vectors, frauds = data
    scores = Model(fit(vectors, frauds, PARAMETERS, LIMITS).canonical()).score(vectors)
    assert np.mean(scores) == pytest.approx(frauds.mean(), rel=0.25)


def test_training_twice_gives_the_same_bytes(data):
    first, second = (fit(*data, PARAMETERS, LIMITS).canonical() for _ in range(2))
    assert first == second
