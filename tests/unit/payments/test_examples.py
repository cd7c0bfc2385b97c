"""The catalogue's examples of rules and models are real ones."""

import base64
import json
from pathlib import Path

from payments.features import FEATURE_NAMES
from payments.model import KIND, Model
from payments.rules import Rule, RuleSet, digest

EXAMPLES = Path("schemas/examples")


def example(path):
    return json.loads((EXAMPLES / path).read_text())


def test_the_example_of_a_rule_set_compiles_and_has_its_version():
    value = example("platform.rules.v1/one-rule.json")
    rules = [Rule(**rule) for rule in value["rules"]]
    assert RuleSet(rules).version == digest(rules) == value["rule_set_version"]


def test_the_example_of_a_model_can_be_read_and_has_its_hash():
    value = example("platform.models.v1/tiny.json")
    model = Model(base64.b64decode(value["payload"]))
    assert (model.hash, KIND) == (value["model_hash"], value["kind"])


def test_the_examples_of_decisions_name_features_that_exist():
    for path in (EXAMPLES / "payments.decisions.v1").glob("*.json"):
        assert set(json.loads(path.read_text())["features"]) <= set(FEATURE_NAMES)
