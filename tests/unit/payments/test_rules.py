"""Rules: refused when broken, evaluated without side effects, never able to stop a decision."""

from pathlib import Path

import pytest
import yaml

from payments.decision import Outcome
from payments.features import FEATURES
from payments.rules import VARIABLES, Rule, RuleSet, RuleSetError, digest, parse_rules

DEFAULT = Path("schemas/rules/default.yaml")
VALUES = {feature.name: 1 if feature.whole else 1.0 for feature in FEATURES} | {
    "score": 0.5,
    "currency": "EUR",
    "entry_mode": "CHIP",
    "customer_known": True,
    "segment": "retail",
    "card_known": True,
    "card_status": "active",
    "card_expired": False,
    "terminal_known": True,
    "merchant_name": "Harbour Books",
    "category": "books",
    "country": "FR",
}


def rule(when, code="a_rule", outcome="REVIEW"):
    return Rule(code=code, when=when, outcome=outcome, text="Because.")


def codes(rules, **values):
    return [finding.reason.code for finding in RuleSet(rules).findings(VALUES | values)]


def test_values_of_all_variables_are_declared():
    assert set(VALUES) == set(VARIABLES)


def test_rules_that_hold_are_found_in_their_order():
    rules = [
        rule("amount_minor > 100", "first"),
        rule("category == 'fuel'", "second"),
        rule("!card_known", "third"),
    ]
    assert codes(rules, amount_minor=101) == ["first"]
    assert codes(rules, amount_minor=101, category="fuel", card_known=False) == ["first", "second", "third"]
    assert codes(rules, amount_minor=100) == []


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        ("amount_minor >", "1:15: Syntax error"),
        ("amuont_minor > 5", "undeclared reference to 'amuont_minor'"),
        ("amount_minor > 'x'", "no matching overload for '_>_' applied to '(int, string)'"),
        ("card_known && category", "no matching overload for '_&&_'"),
        ("amount_minor + 1", "gives INT, expected true or false"),
        ("open('/etc/passwd')", "undeclared reference to 'open'"),
    ],
)
def test_a_broken_rule_is_refused_with_its_code_and_place(when, problem):
    with pytest.raises(RuleSetError) as caught:
        RuleSet([rule("card_known"), rule(when, "broken_one")])
    assert str(caught.value).startswith("rule broken_one: ")
    assert problem in str(caught.value)


def test_all_broken_rules_are_named_at_once():
    with pytest.raises(RuleSetError) as caught:
        RuleSet([rule("nope", "one_bad"), rule("score", "two_bad"), rule("score > 0.1", "two_bad")])
    assert [line.split(":")[0] for line in str(caught.value).splitlines() if line.startswith("rule ")] == [
        "rule one_bad",
        "rule two_bad",
        "rule two_bad",
    ]


def test_a_rule_that_fails_asks_for_review_and_the_others_still_count():
    rules = [rule("amount_minor / (customer_count_1d - 1) > 2", "divides"), rule("card_known", "fine")]
    found = RuleSet(rules).findings(VALUES | {"customer_count_1d": 1})
    assert [finding.reason.code for finding in found] == ["rule_failed", "fine"]
    assert found[0].outcome is Outcome.REVIEW
    assert "divides" in found[0].reason.text
    assert "divide by zero" in found[0].reason.text


def test_only_the_variables_that_occur_are_needed():
    rules = RuleSet([rule("amount_ratio_30d > 4.0 && card_known"), rule("score > 0.5", "by_score")])
    assert rules.needs == ("amount_ratio_30d", "score", "card_known")
    assert rules.findings({name: VALUES[name] for name in rules.needs}) == []


def test_the_version_changes_with_the_rules_and_with_nothing_else():
    assert digest([rule("card_known")]) == digest([rule("card_known")])
    assert digest([rule("card_known")]) != digest([rule("!card_known")])
    assert RuleSet([rule("card_known")]).version == digest([rule("card_known")])
    assert RuleSet([rule("card_known")], "2026-11-01").version == "2026-11-01"


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"rules": [{"code": "x", "when": "true", "outcome": "REVIEW", "text": "t"}]}, "rules/0/code"),
        ({"rules": [{"code": "abc", "when": "true", "outcome": "MAYBE", "text": "t"}]}, "rules/0/outcome"),
        ({"rules": []}, "rules"),
        ({"rule": []}, "rules"),
        ([], "the file"),
    ],
)
def test_a_file_of_another_shape_is_refused_at_its_place(data, place):
    with pytest.raises(RuleSetError) as caught:
        parse_rules(data)
    assert any(line.startswith(f"{place}: ") for line in str(caught.value).splitlines())


def test_the_default_rules_compile_and_catch_what_they_should():
    rules = parse_rules(yaml.safe_load(DEFAULT.read_text()))
    assert codes(rules) == []
    assert codes(rules, card_status="blocked") == ["card_blocked"]
    assert codes(rules, card_expired=True) == ["card_expired"]
    assert codes(rules, amount_minor=22_001) == ["amount_over_220"]
    assert codes(rules, card_known=False) == ["unknown_card"]
    assert codes(rules, terminal_risk_7d=0.6, terminal_count_7d=3) == ["terminal_with_frauds"]
    assert codes(rules, amount_ratio_30d=4.1, customer_count_30d=10) == ["far_above_usual"]
