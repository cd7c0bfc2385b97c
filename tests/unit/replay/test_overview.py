import json

from replay.holdings import Holdings
from replay.kept import Replay
from replay.overview import Overview, lines, state_of, table
from replay.targets import Target
from replay.watch import Pace
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.replay.plan import ReplayPlan

A, B = TopicPartition("in", 0), TopicPartition("in", 1)
PLAN = ReplayPlan("enricher", Positions({A: 1, B: 4}), Positions({A: 9, B: 4}, {"in": "id"}), ("out",))
REPLAY = Replay("one", Target("enricher", "transform", ("in",), ("out",)), PLAN, 1_769_860_800_000)
HOLDS = Holdings({"one.out": 1200}, ["one.enricher"], None, 2_500_000)


def test_a_list_has_a_line_for_each():
    headings, line = table([Overview(REPLAY, "running", Pace(5, 10, 0.5), HOLDS)])
    assert headings.split()[:2] == ["namespace", "what"]
    said = "one enricher recorded 2026-01-31 12:00 UTC running, 50%, 10 s left 1,200 2.5 MB"
    assert " ".join(line.split()) == said


def test_one_alone_is_shown_with_all_that_it_holds():
    said = "\n".join(lines(Overview(REPLAY, "stopped", Pace(5, 10), HOLDS)))
    for part in (
        "one: enricher, side inputs recorded, stopped",
        "50%: 5 of 10 records",
        "in/0: offsets 1 to 8",
        "topic one.out: 1,200 records",
        "`kapstan replay enricher --namespace one` goes on with it",
    ):
        assert part in said
    assert "in/1" not in said, "nothing of it was asked for"
    assert json.loads(json.dumps(Overview(REPLAY, "stopped", None, HOLDS).to_json()))["spans"] == {
        "in/0": [1, 9],
        "in/1": [4, 4],
    }


def test_a_state_in_one_word():
    assert state_of(Pace(1, 2), HOLDS, runs=True, finished=True) == "running"
    assert state_of(Pace(1, 2), HOLDS, runs=False, finished=False) == "stopped"
    assert state_of(Pace(2, 2), HOLDS, runs=False, finished=False) == "finished"
    assert state_of(None, HOLDS, runs=False, finished=True) == "finished"
    kept = Holdings({}, [], {"bronze.t@before-one": 5}, 1)
    assert state_of(Pace(2, 2), kept, runs=False, finished=True) == "promoted"


def test_a_promoted_one_says_how_to_take_it_back():
    said = "\n".join(lines(Overview(REPLAY, "promoted", Pace(10, 10), HOLDS)))
    assert "`kapstan replay rollback one` takes that back" in said
    assert " promoted " in list(table([Overview(REPLAY, "promoted", Pace(10, 10), HOLDS)]))[1]
