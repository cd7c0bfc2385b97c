"""Rounds over a broker in memory, with stores that a test can falsify."""

import orjson
import prometheus_client
import pytest

from audit.follow import Follow, Round, Told
from audit.part import WHOLE, Part
from audit.plan import DECISIONS, TRANSACTIONS, plan_of
from audit.run import Audit, Stores
from audit.stores import Difference
from replay.bounds import Bound
from streamkit.catalogue import Catalogue
from streamkit.errors import RetryableError, StopError
from tests.support.audits import RECORDS, Clock, World


class Following:
    def __init__(self, catalogue, ledger, lines):
        self.world = World(catalogue)
        self.ledger = ledger
        self.follow = Follow(self._audit, plan_of(catalogue, DECISIONS), WHOLE, None, lines, Clock())

    def _audit(self):
        stores = Stores(self.world.broker, None, self.world.bronze, self.world.search)
        return Audit(stores, self.world.catalogue, Clock(), 3, lambda _: None)

    def send(self, *events):
        for event in events:
            self.world.send(TRANSACTIONS, event)
            self.world.send(DECISIONS, event)
        self.world.read_by_groups()

    def acknowledge(self, *offsets, end="\n"):
        with self.ledger.open("a") as file:
            for offset in offsets:
                file.write(
                    orjson.dumps({"topic": TRANSACTIONS, "partition": 0, "offset": offset}).decode() + end
                )

    def round(self):
        found = self.follow.round()
        (effects,) = found.effects or [None]
        return found, effects


@pytest.fixture
def following(pytestconfig, tmp_path):
    ledger = tmp_path / "ledger.jsonl"
    ledger.touch()
    with ledger.open("rb") as lines:
        yield Following(Catalogue.load(pytestconfig.rootpath / "schemas"), ledger, lines)


def expected(found, topic=DECISIONS, store="bronze"):
    return next(each for each in found.differences if (each.topic, each.store) == (topic, store)).expected


def test_each_round_compares_what_is_new(following):
    found, effects = following.round()
    assert (found.agrees, expected(found), effects.events) == (True, RECORDS, RECORDS)
    found, effects = following.round()
    assert (found.agrees, expected(found), effects.events) == (True, 0, 0)
    following.send(50, 51)
    found, effects = following.round()
    assert (found.agrees, expected(found), effects.events) == (True, 2, 2)


def test_it_begins_where_it_is_told_to(following):
    later = Follow(
        following._audit,
        plan_of(following.world.catalogue, DECISIONS),
        Part(begin=Bound(time_ms=1_000)),
        None,
        None,
        Clock(),
    )
    assert later.round().differences == []
    following.world.send(TRANSACTIONS, 70, ms=2_000)
    following.world.send(DECISIONS, 70, ms=2_000)
    following.world.read_by_groups()
    assert expected(later.round()) == 1
    assert expected(later.round()) == 0


def test_what_is_lost_or_doubled_is_found_in_its_round(following):
    following.round()
    following.world.send(TRANSACTIONS, 60)
    following.send(61)
    _, effects = following.round()
    assert (effects.lost, effects.doubled) == (1, 0)
    _, effects = following.round()
    assert (effects.lost, effects.doubled) == (0, 0)
    following.world.send(DECISIONS, 61)
    following.world.read_by_groups()
    _, effects = following.round()
    assert (effects.lost, effects.doubled) == (0, 1)


def test_a_repeat_of_an_earlier_round_is_a_repeat(following):
    following.round()
    following.world.send(TRANSACTIONS, 3, ms=600_000)
    following.world.read_by_groups()
    found, effects = following.round()
    assert (found.agrees, effects.repeats, effects.lost) == (True, 1, 0)


def test_what_a_store_is_behind_with_is_compared_in_a_later_round(following):
    following.world.bronze.late = True
    found, _ = following.round()
    assert (found.agrees, bool(found.behind)) == (True, True)
    assert found.differences == []
    following.world.bronze.late = False
    found, effects = following.round()
    assert (found.agrees, found.behind, expected(found), effects.events) == (True, [], RECORDS, RECORDS)


def test_acknowledgements_are_compared_with_all_that_was_seen(following):
    following.acknowledge(0, 1)
    assert expected(following.round()[0], TRANSACTIONS, "kafka") == 2
    following.acknowledge(3)  # of the round before; its line came late
    following.acknowledge(2, end="")
    found, _ = following.round()
    assert (found.agrees, expected(found, TRANSACTIONS, "kafka")) == (True, 1)
    with following.ledger.open("a") as file:
        file.write("\n")
    following.acknowledge(RECORDS + 5)
    found, _ = following.round()
    assert (found.agrees, expected(found, TRANSACTIONS, "kafka")) == (False, 2)


def test_a_store_that_goes_away_for_a_while_is_told(following, monkeypatch):
    holds = following.world.bronze.holds

    def away(*_):
        raise RetryableError("the lake does not answer")

    monkeypatch.setattr(following.world.bronze, "holds", away)
    found, _ = following.round()
    assert found.behind == ["the lake does not answer."]
    monkeypatch.setattr(following.world.bronze, "holds", holds)
    assert expected(following.round()[0]) == RECORDS


def test_a_topic_that_was_made_again_is_an_error(following):
    following.round()
    following.world.broker.delete_topic(DECISIONS)
    following.world.broker.create_topic(DECISIONS, 1)
    with pytest.raises(StopError, match="deleted and created again"):
        following.round()


def test_rounds_are_measured(following):
    def value(name, **labels):
        return prometheus_client.REGISTRY.get_sample_value(f"kapstan_audit_{name}", labels) or 0.0

    lost = {"topic": TRANSACTIONS, "store": DECISIONS}
    before = value("lost_records_total", **lost), value("rounds_total")
    following.world.send(TRANSACTIONS, 60)
    following.world.read_by_groups()
    following.round()
    assert value("lost_records_total", **lost) == before[0] + 1
    assert value("rounds_total") == before[1] + 1
    assert value("lag_seconds") > 0
    assert value("behind_count") == 0


def test_only_what_is_new_is_told():
    told = Told()
    good, bad = Difference("t", "bronze", "kafka"), Difference("t", "bronze", "kafka", lost=1, examples=["x"])
    assert told.lines(Round([good])) == []
    assert told.differing() is None
    assert told.lines(Round([good], behind=["bronze of t"])) == ["Behind: bronze of t"]
    assert told.lines(Round([good], behind=["bronze of t"])) == []
    assert told.lines(Round([good])) == ["All stores have caught up."]
    assert told.lines(Round([bad], lag_s=7.4))[0] == "DIFFERS"
    assert told.summary() == "1 of 5 rounds found a difference; the longest lag was 7 s."
