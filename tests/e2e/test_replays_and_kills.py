"""Chains, what-ifs and kills of a replay on real parts; and that dropping one leaves nothing."""

import json
import uuid

import pytest
import yaml

from tests.support.pipeline import DECISIONS
from tests.support.replays import PEOPLE, replays_after

# On a busy machine, replays start and end slowly.
pytestmark = pytest.mark.timeout(900)

ROUNDS = 12
ENRICHED = "payments.enriched.v1"


@pytest.fixture(scope="module")
def replays(stack):
    with replays_after(stack, ROUNDS) as replays:
        yield replays


def test_a_chain_equals_live_hop_by_hop_and_can_be_dropped(replays):
    name = f"chain-{uuid.uuid4().hex[:6]}"
    code, _, errors = replays.run("replay", "enricher,fraud_scorer", "--namespace", name)
    assert code == 0, errors
    code, said, errors = replays.run("compare", name, "--json")
    assert code == 0, said + errors
    found = {each["name"]: each for hop in json.loads(said) for each in hop["compared"]}
    assert found[ENRICHED]["equal"] >= PEOPLE * ROUNDS
    assert found[DECISIONS]["equal"] >= PEOPLE * ROUNDS

    code, said, errors = replays.run("replay", "status", name, "--json")
    assert code == 0, errors
    states = [(each["state"], each["done"] >= each["total"]) for each in json.loads(said)]
    assert states == [("finished", True)] * 2
    code, said, errors = replays.run("replay", "drop", name)
    assert code == 0, errors
    admin = replays.platform.admin
    assert not [each for each in [*admin.topics(), *admin.groups()] if each.startswith(name)]
    assert replays.run("replay", "drop", name)[0] == 1


def test_other_rules_are_shown_by_what_they_change(replays, tmp_path):
    rule = {"code": "all", "when": "amount_minor > 0", "outcome": "DECLINE", "text": "everything"}
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"rules": [rule]}))
    code, said, errors = replays.run("replay", "fraud_scorer", "--rules", str(file), "--json")
    assert code == 0, errors
    code, said, _ = replays.run("compare", json.loads(said)["namespace"], "--json")
    assert code == 1
    decisions = next(each for each in json.loads(said)["compared"] if each["name"] == DECISIONS)
    assert decisions["differing"] > 0
    assert decisions["missing"] == decisions["extra"] == 0
    assert 0 < decisions["changed"]["outcome"] < decisions["changed"]["rule_set_version"]
    assert "side_positions" not in decisions["changed"]


def test_a_corrected_replay_decides_everything_once(replays):
    code, said, errors = replays.run("replay", "enricher,fraud_scorer", "--sides", "corrected", "--json")
    assert code == 0, errors
    _, said, errors = replays.run("compare", json.loads(said)["namespace"], "--json")
    hops = {each["name"]: each for hop in json.loads(said) for each in hop["compared"]}
    assert hops[ENRICHED]["live"] == hops[ENRICHED]["replayed"] >= PEOPLE * ROUNDS
    assert (hops[ENRICHED]["missing"], hops[ENRICHED]["extra"]) == (0, 0)


@pytest.mark.parametrize("point", ["assign.before_changelog_end", "transaction.after_commit"])
def test_a_replay_that_is_killed_goes_on_exactly(replays, monkeypatch, point):
    name = f"killed-{uuid.uuid4().hex[:6]}"
    monkeypatch.setenv("KAPSTAN_CRASH_AT", point)
    code, _, errors = replays.run("replay", "fraud_scorer", "--namespace", name)
    assert code == 1
    assert f"--namespace {name}` goes on from there" in errors
    monkeypatch.delenv("KAPSTAN_CRASH_AT")
    assert json.loads(replays.run("replay", "status", name, "--json")[1])[0]["state"] == "stopped"
    found = replays.compare(replays.replay("fraud_scorer", namespace=name))
    assert all(each.agrees for each in found.values()), found
    assert found[DECISIONS].live >= PEOPLE * ROUNDS
