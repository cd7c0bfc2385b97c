import pytest

from replay.errors import ReplayRefusedError
from replay.kept import Kept, Replay, check_namespace, new_namespace
from replay.targets import Target
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.replay.plan import ReplayPlan

A = TopicPartition("in", 0)
TARGET = Target("enricher", "transform", ("in",), ("out",))


def replay(namespace, made_ms):
    plan = ReplayPlan("enricher", Positions({A: 1}), Positions({A: 9}, {"in": "id"}), ("out",))
    return Replay(namespace, TARGET, plan, made_ms, since_ms=4, promotable=namespace == "one")


def test_a_replay_comes_back_as_it_was_kept(tmp_path):
    kept = Kept(tmp_path / "replay")
    first, second = replay("one", 2), replay("two", 1)
    kept.keep(first)
    kept.keep(second)
    assert kept.find("two") == second
    assert kept.find(None) == first, "the newest"
    assert "one" in kept
    assert "three" not in kept
    assert ReplayPlan.from_json(kept.plan_file("one").read_text()) == first.plan


def test_one_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    kept = Kept(tmp_path / "replay")
    with pytest.raises(ReplayRefusedError, match="nothing was replayed yet"):
        kept.find(None)
    kept.keep(replay("one", 1))
    with pytest.raises(ReplayRefusedError, match="There are one"):
        kept.find("two")


def test_a_namespace_names_what_was_replayed_and_when():
    name = new_namespace("merchant_category_per_minute", 1_769_860_800_000)
    assert name == "merchant-category-pe-0131-120000"
    assert check_namespace(name) == name
    for wrong in ("Upper", "a_b", "-a", "a" * 33, ""):
        with pytest.raises(ReplayRefusedError, match="cannot be a namespace"):
            check_namespace(wrong)
