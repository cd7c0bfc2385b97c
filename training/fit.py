"""Gradient-boosted trees with scikit-learn, exported to the JSON that `payments.model` evaluates."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from payments.decision import Thresholds
from payments.features import FEATURE_NAMES
from payments.model import Payload, Tree, rounded_leaf
from training.parameters import TreeParameters

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def fit(vectors: Floats, frauds: Bools, parameters: TreeParameters, thresholds: Thresholds) -> Payload:
    """Train on vectors [n, features] and labels [n]; deterministic, on one thread.

    Frauds are weighted up to half of all, which makes the trees look at them; the baseline is moved back by
    the same factor, so that a score is the probability of a fraud again.
    """
    classifier = HistGradientBoostingClassifier(
        max_iter=parameters.trees,
        learning_rate=parameters.learning_rate,
        max_depth=parameters.depth,
        max_leaf_nodes=None,
        l2_regularization=parameters.l2,
        class_weight="balanced",
        early_stopping=False,
        random_state=1,
    )
    with threadpool_limits(1):  # sums in another order round differently
        classifier.fit(vectors, frauds)
    weight = math.log(int(np.count_nonzero(frauds)) / int(np.count_nonzero(~frauds)))
    return Payload(
        feature_names=list(FEATURE_NAMES),
        baseline=rounded_leaf(float(np.ravel(classifier._baseline_prediction)[0]) + weight),  # noqa: SLF001
        thresholds=thresholds,
        trees=[_exported(iteration[0].nodes) for iteration in classifier._predictors],  # noqa: SLF001
    )


def _exported(nodes: Any) -> Tree:
    """One of scikit-learn's trees; its structured array is the only form in which it gives them away."""
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        feature=np.where(leaf, -1, nodes["feature_idx"]).tolist(),
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]).tolist(),
        left=np.where(leaf, 0, nodes["left"]).tolist(),
        right=np.where(leaf, 0, nodes["right"]).tolist(),
        value=[rounded_leaf(v) if is_leaf else 0.0 for v, is_leaf in zip(nodes["value"], leaf, strict=True)],
    )
