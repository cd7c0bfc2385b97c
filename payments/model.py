"""A boosted-tree model as data: canonical JSON in, scores of a whole batch in one call out.

Scores must not depend on how transactions are batched. So leaf values are multiples of 2**-32: their
sums are exact in any order. A pickle is never read.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from payments.decision import Thresholds
from payments.features import FEATURE_NAMES

KIND = "boosted-trees.v1"
LEAF_UNIT = 2.0**-32
_ROWS_AT_ONCE = 512  # keeps the (rows x trees) arrays inside the processor's cache
_SCORE_DIGITS = 6


class ModelError(ValueError):
    """A payload that is no model for this code; the message says what is wrong with it."""


Number = Annotated[float, Field(allow_inf_nan=False)]


class Tree(BaseModel):
    """One tree as parallel lists: node 0 is the root; a leaf has feature -1 and only its value counts.

    An inner node goes left when its feature is <= its threshold. Children come after their parent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    feature: list[int]
    threshold: list[Number]
    left: list[int]
    right: list[int]
    value: list[Number]

    @model_validator(mode="after")
    def _is_a_tree(self) -> Self:
        size = len(self.feature)
        if not size or {len(self.threshold), len(self.left), len(self.right), len(self.value)} != {size}:
            raise ValueError("a tree's lists must have one length, at least 1")
        for node, feature in enumerate(self.feature):
            if feature >= 0 and not (node < self.left[node] < size and node < self.right[node] < size):
                raise ValueError(f"node {node}: its children must come after it, within the tree")
            if feature < 0 and not (self.value[node] / LEAF_UNIT).is_integer():
                raise ValueError(f"node {node}: its value must be a multiple of 2**-32")
        return self


class Payload(BaseModel):
    """The JSON of a model: score = 1 / (1 + exp(-(baseline + sum of the leaves reached)))."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[str, Field(pattern=f"^{KIND.replace('.', '[.]')}$")] = KIND
    feature_names: list[str]
    baseline: Number
    thresholds: Thresholds
    trees: Annotated[list[Tree], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not (self.baseline / LEAF_UNIT).is_integer():
            raise ValueError("the baseline must be a multiple of 2**-32")
        if not 0 <= self.thresholds.review <= self.thresholds.decline <= 1:
            raise ValueError("thresholds must be 0 <= review <= decline <= 1")
        if max(max(tree.feature) for tree in self.trees) >= len(self.feature_names):
            raise ValueError("a tree refers to a feature that is not among feature_names")
        return self

    def canonical(self) -> bytes:
        """The one JSON text of this model: sorted keys, no spaces, shortest numbers."""
        data = self.model_dump(mode="json")
        return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


class Model:
    """A model ready to score.

    Raises:
        ModelError: `payload` is not a model, or it wants a feature that this code does not compute.
    """

    def __init__(self, payload: bytes) -> None:
        try:
            parsed = Payload.model_validate_json(payload)
        except ValidationError as error:
            first = error.errors()[0]
            place = "/".join(str(part) for part in first["loc"]) or "payload"
            raise ModelError(f"{place}: {first['msg']}") from error
        unknown = sorted(set(parsed.feature_names) - set(FEATURE_NAMES))
        if unknown:
            raise ModelError(f"feature_names: this version does not compute {', '.join(unknown)}")
        self.hash = hashlib.sha256(payload).hexdigest()
        self.thresholds = parsed.thresholds
        self._columns = np.array([FEATURE_NAMES.index(name) for name in parsed.feature_names])
        self._baseline = parsed.baseline
        self._lay_out(parsed.trees)

    def _lay_out(self, trees: Sequence[Tree]) -> None:
        """One array per property over the nodes of all trees; a leaf is its own child."""
        sizes = [len(tree.feature) for tree in trees]
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int32)
        feature = np.concatenate([np.array(tree.feature, np.int32) for tree in trees])
        leaf = feature < 0
        offset = np.repeat(starts, sizes)
        own = np.arange(len(feature), dtype=np.int32)
        left = np.concatenate([np.array(tree.left, np.int32) for tree in trees]) + offset
        right = np.concatenate([np.array(tree.right, np.int32) for tree in trees]) + offset
        self._roots = starts
        self._feature = np.where(leaf, 0, feature)
        self._threshold = np.concatenate([np.array(tree.threshold, np.float64) for tree in trees])
        self._value = np.where(leaf, np.concatenate([np.array(tree.value) for tree in trees]), 0.0)
        # Child of a node: [2 * node] to the left, [2 * node + 1] to the right.
        self._child = np.stack((np.where(leaf, own, left), np.where(leaf, own, right)), axis=1).ravel()
        self._depth = max(_depth(tree) for tree in trees)

    def score(self, vectors: Sequence[Sequence[float]] | NDArray[np.float64]) -> list[float]:
        """Scores, 0 to 1 rounded to 6 digits, of feature vectors in the order of FEATURES, [n, features]."""
        rows = np.asarray(vectors, np.float64)
        if not len(rows):
            return []
        rows = rows[:, self._columns]
        raw = [self._raw(rows[at : at + _ROWS_AT_ONCE]) for at in range(0, len(rows), _ROWS_AT_ONCE)]
        # math.exp one by one: a vectorised exp may round differently depending on the length of its array.
        return [_logistic(value) for part in raw for value in part.tolist()]

    def _raw(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Baseline plus leaves, [n], before the logistic function."""
        features = rows.shape[1]
        flat = rows.ravel()
        row = (np.arange(len(rows)) * features)[:, None]
        node = np.broadcast_to(self._roots, (len(rows), len(self._roots)))
        for _ in range(self._depth):
            right = flat[row + self._feature[node]] > self._threshold[node]
            node = self._child[2 * node + right]
        total: NDArray[np.float64] = self._baseline + self._value[node].sum(axis=1)
        return total


def _logistic(value: float) -> float:
    return round(1.0 / (1.0 + math.exp(-max(min(value, 700.0), -700.0))), _SCORE_DIGITS)


def _depth(tree: Tree) -> int:
    """Edges from the root to the deepest leaf; children come after their parent, so one pass will do."""
    depth = [0] * len(tree.feature)
    for node, feature in enumerate(tree.feature):
        if feature >= 0:
            depth[tree.left[node]] = depth[tree.right[node]] = depth[node] + 1
    return max(depth)


def rounded_leaf(value: float) -> float:
    """The nearest value that a leaf may have."""
    return round(value / LEAF_UNIT) * LEAF_UNIT
