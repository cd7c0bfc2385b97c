"""Models: read only when whole, and scoring the same whatever the batch."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.decision import Thresholds
from payments.features import FEATURE_NAMES
from payments.model import KIND, Model, ModelError, Payload, Tree, rounded_leaf

LEAF = {"feature": [-1], "threshold": [0.0], "left": [0], "right": [0], "value": [0.25]}
SPLIT = {
    "feature": [0, -1, 1, -1, -1],
    "threshold": [10.0, 0.0, 0.5, 0.0, 0.0],
    "left": [1, 0, 3, 0, 0],
    "right": [2, 0, 4, 0, 0],
    "value": [0.0, -1.5, 0.0, 0.5, 2.0],
}


def payload(trees, **changes):
    data = {
        "kind": KIND,
        "feature_names": ["terminal_risk_7d", "amount_minor"],
        "baseline": -1.0,
        "thresholds": {"review": 0.3, "decline": 0.8},
        "trees": trees,
    }
    return json.dumps(data | changes).encode()


def features(**values):
    return [float(values.get(name, 0)) for name in FEATURE_NAMES]


def logistic(value):
    return round(1 / (1 + math.exp(-value)), 6)


def test_a_row_goes_left_at_the_threshold_and_right_above_it():
    model = Model(payload([SPLIT, LEAF]))
    rows = [
        features(terminal_risk_7d=10.0),
        features(terminal_risk_7d=10.5, amount_minor=0.5),
        features(terminal_risk_7d=10.5, amount_minor=0.6),
    ]
    assert model.score(rows) == [
        logistic(-1 - 1.5 + 0.25),
        logistic(-1 + 0.5 + 0.25),
        logistic(-1 + 2 + 0.25),
    ]


@st.composite
def trees(draw):
    """A random tree of up to 15 nodes, children after parents."""
    tree = {"feature": [], "threshold": [], "left": [], "right": [], "value": []}

    def grow(depth):
        node = len(tree["feature"])
        split = depth > 0 and draw(st.booleans())
        tree["feature"].append(draw(st.integers(0, 1)) if split else -1)
        tree["threshold"].append(draw(st.floats(-5, 5)) if split else 0.0)
        tree["value"].append(0.0 if split else rounded_leaf(draw(st.floats(-3, 3))))
        tree["left"].append(0)
        tree["right"].append(0)
        if split:
            tree["left"][node] = grow(depth - 1)
            tree["right"][node] = grow(depth - 1)
        return node

    grow(3)
    return tree


def walk(tree, row):
    node = 0
    while tree["feature"][node] >= 0:
        goes_left = row[tree["feature"][node]] <= tree["threshold"][node]
        node = tree["left" if goes_left else "right"][node]
    return tree["value"][node]


@settings(deadline=None)
@given(forest=st.lists(trees(), min_size=1, max_size=6), data=st.data())
def test_scores_equal_walking_each_tree_and_do_not_depend_on_the_batch(forest, data):
    model = Model(payload(forest))
    numbers = st.floats(-6, 6)
    pairs = data.draw(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20))
    rows = [features(terminal_risk_7d=risk, amount_minor=amount) for risk, amount in pairs]
    expected = [logistic(-1.0 + math.fsum(walk(tree, pair) for tree in forest)) for pair in pairs]
    assert model.score(rows) == expected
    assert [model.score([row])[0] for row in rows] == expected
    assert model.score(np.array(rows * 40)) == expected * 40


def test_no_rows_give_no_scores():
    assert Model(payload([LEAF])).score([]) == []


def test_the_hash_is_the_payloads():
    assert Model(payload([LEAF])).hash == Model(payload([LEAF])).hash
    assert Model(payload([LEAF])).hash != Model(payload([LEAF], baseline=0.0)).hash


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\x80\x04\x95", "Invalid JSON"),
        (b"{}", "feature_names: Field required"),
        (payload([]), "trees"),
        (payload([LEAF], kind="pickle"), "kind"),
        (payload([LEAF], feature_names=["shoe_size", "amount_minor"]), "does not compute shoe_size"),
        (payload([SPLIT], feature_names=["amount_minor"]), "not among feature_names"),
        (payload([LEAF], thresholds={"review": 0.9, "decline": 0.8}), "review <= decline"),
        (payload([SPLIT | {"left": [0, 0, 3, 0, 0]}]), "node 0: its children must come after it"),
        (payload([SPLIT | {"right": [9, 0, 4, 0, 0]}]), "node 0: its children must come after it"),
        (payload([SPLIT | {"value": [0.0]}]), "one length"),
        (payload([LEAF | {"value": [0.1]}]), "multiple of 2**-32"),
        (payload([LEAF], baseline=0.1), "multiple of 2**-32"),
        (payload([LEAF]).replace(b"0.25", b"NaN"), "trees/0/value/0: Input should be a finite number"),
    ],
)
def test_what_is_no_model_is_refused_with_the_reason(data, problem):
    with pytest.raises(ModelError) as caught:
        Model(data)
    assert problem in str(caught.value)


def test_canonical_text_comes_back_to_itself():
    made = Payload(
        feature_names=["amount_minor"],
        baseline=0.5,
        thresholds=Thresholds(0.25, 0.5),
        trees=[Tree(**LEAF)],
    )
    text = made.canonical()
    assert Payload.model_validate_json(text).canonical() == text
    assert b" " not in text
