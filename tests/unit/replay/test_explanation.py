import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.features import FEATURES
from replay.explanation import Event, Explanation, FeatureUsed, Hop, RuleUsed, differing, features_of, typed

DAY_MS = 86_400_000
NOW = 1_790_000_000_000
HOP = Hop("enricher", "in/0/1", "out/0/2", {"side-0": 3}, same_bytes=True)


def explanation(*hops, **changes):
    fields = {
        "decision": {"outcome": "REVIEW", "transaction_id": "x1", "score": 0.5, "reasons": []},
        "transaction": {"event_time": NOW, "currency": "EUR"},
        "hops": hops,
        "rows": (),
        "features": (FeatureUsed("amount_minor", 5, None),),
        "frauds_known": 0,
        "rule_set": "v1",
        "rules": (),
        "model": None,
    }
    return Explanation(**fields | changes)


@given(st.lists(st.tuples(st.integers(0, 40 * DAY_MS), st.sampled_from(["EUR", "USD"])), max_size=30))
def test_the_events_behind_a_feature_are_those_of_its_window_and_currency(drawn):
    events = [Event("p", f"x{n}", NOW - ago, currency) for n, (ago, currency) in enumerate(drawn)]
    names = [feature.name for feature in FEATURES]
    found = {f.name: f for f in features_of(dict.fromkeys(names, 1.0), NOW, "EUR", events, events)}
    for feature in FEATURES:
        behind, span = found[feature.name].behind, feature.span
        if span is None:
            assert behind is None
            continue
        mine = [e for e in events if e.currency == "EUR" or feature.key == "terminal"]
        ages = {e.transaction_id: NOW - e.event_time for e in mine}
        assert set(behind) == {x for x, age in ages.items() if span.delay_ms <= age < span.reach_ms}


def test_whole_features_are_ints_as_rules_want_them():
    values = typed({feature.name: 2.0 for feature in FEATURES})
    assert {name: type(value) is int for name, value in values.items()} == {f.name: f.whole for f in FEATURES}


def test_a_rule_says_whether_it_matched_or_why_it_could_not_be_asked():
    rules = (RuleUsed("a", "x > 1", True), RuleUsed("b", "x > 2", False), RuleUsed("c", "1 / 0", "by zero"))
    lines = list(explanation(HOP, rules=rules).lines())
    assert "  matched      a: x > 1" in lines
    assert "  no           b: x > 2" in lines
    assert "  failed (by zero) c: 1 / 0" in lines


@pytest.mark.parametrize("same", [True, False])
def test_what_differs_is_shown_and_what_may_be_the_reason(same):
    fields = () if same else differing({"key": "a", "value": {"n": 1}}, {"key": "a", "value": {"n": 2}})
    hop = Hop("fraud_scorer", "in/0/1", "out/0/2", {}, same_bytes=same, different=fields)
    found = explanation(HOP, hop, redriven=("enricher",))
    lines = list(found.lines())
    assert found.agrees == same
    assert ("    /value/n: live 1, now 2" in lines) == (not same)
    assert any("went back to enricher" in line for line in lines) == (not same)
    assert found.to_json()["hops"][1]["same_bytes"] == same


def test_of_many_events_the_newest_are_shown():
    behind = tuple(f"x{n}" for n in range(8))
    (line,) = (
        line
        for line in explanation(HOP, features=(FeatureUsed("count", 8, behind),)).lines()
        if line.startswith("  count")
    )
    assert line.endswith("from x3, x4, x5, x6, x7 and 3 before")
