"""Which replays may be promoted or taken back; what is refused says what to do."""

import pytest

from replay.errors import ReplayRefusedError
from replay.kept import Replay
from replay.promotable import (
    check_asked,
    check_kind,
    check_log,
    check_promotable,
    only_filled,
    refusal,
    to_promote,
    to_roll_back,
)
from replay.targets import Target
from services.lake_sink.lines import Standing
from streamkit.positions import Positions
from streamkit.replay.plan import ReplayPlan

LAKE = Target("lake_sink", "lake", ("t", "u"))
SCORER = Target("fraud_scorer", "transform", ("t",), ("out",))
WINDOW = Target("fraud_rate", "window", ("t",))


def plan(start=0):
    starts = Positions.of({("t", 0): start, ("t", 1): 0})
    return ReplayPlan("lake_sink", starts, Positions.of({("t", 0): 9, ("t", 1): 4}, {"t": "id"}))


def made(target=LAKE, promotable=True):
    return Replay("r", target, plan(), made_ms=1, promotable=promotable)


@pytest.mark.parametrize(
    ("target", "says", "hint"),
    [
        (SCORER, "has taken effect", "kapstan compare"),
        (WINDOW, "Flink's own commits", "kapstan windows stop"),
    ],
)
def test_decisions_and_windows_are_not_replaced(target, says, hint):
    with pytest.raises(ReplayRefusedError, match=says) as refused:
        check_kind(target)
    assert hint in str(refused.value)
    for check in (lambda: check_asked(target, plan()), lambda: check_promotable(made(target))):
        with pytest.raises(ReplayRefusedError, match=says):
            check()


def test_one_with_tables_of_its_own_is_replayed_again():
    check_promotable(made())
    with pytest.raises(ReplayRefusedError, match=r"tables of its own.*--promotable"):
        check_promotable(made(promotable=False))


def test_a_part_of_a_topic_may_never_take_its_place():
    check_asked(LAKE, plan())
    with pytest.raises(ReplayRefusedError, match="begin at offset 3 of t/0"):
        check_asked(LAKE, plan(start=3))


def test_topics_that_hold_nothing_are_left_out():
    ends = Positions.of({("t", 0): 9, ("t", 1): 0, ("u", 0): 0}, {"t": "id", "u": "other"})
    starts = Positions.of(dict.fromkeys([("t", 0), ("t", 1), ("u", 0)], 0))
    target, left = only_filled(LAKE, ReplayPlan("lake_sink", starts, ends))
    assert (target.inputs, left.inputs) == (("t",), ("t",))
    assert left.ends == Positions.of({("t", 0): 9, ("t", 1): 0}, {"t": "id"})


def standings(t, u):
    return {"t": t, "u": u}


def test_tables_that_are_done_are_left_as_they_are():
    half = standings(Standing.PROMOTED, Standing.NOT_PROMOTED)
    assert to_promote(made(), half, finished=True) == ["u"]
    assert to_roll_back(made(), half) == ["t"]


@pytest.mark.parametrize(
    ("held", "finished", "says"),
    [
        (standings(Standing.PROMOTED, Standing.PROMOTED), True, "is live already.*rollback r"),
        (standings(Standing.NOT_PROMOTED, Standing.GONE), True, "table of u has nothing of r.*--namespace r"),
        (
            standings(Standing.NOT_PROMOTED, Standing.NOT_PROMOTED),
            False,
            "not come to its end.*--namespace r",
        ),
    ],
)
def test_what_is_not_promoted(held, finished, says):
    with pytest.raises(ReplayRefusedError, match=says):
        to_promote(made(), held, finished=finished)


def test_what_was_not_promoted_is_not_taken_back():
    with pytest.raises(ReplayRefusedError, match="was not promoted"):
        to_roll_back(made(), standings(Standing.NOT_PROMOTED, Standing.NOT_PROMOTED))


def test_a_rollback_needs_the_records_that_live_would_read_again():
    before = Positions.of({("t", 0): 5, ("t", 1): 7}, {"t": "id"})
    check_log("t", before, Positions.of({("t", 0): 5, ("t", 1): 0}, {"t": "id"}))
    with pytest.raises(ReplayRefusedError, match="offset 5 of partition 0; Kafka's first record is 6"):
        check_log("t", before, Positions.of({("t", 0): 6, ("t", 1): 0}, {"t": "id"}))


@pytest.mark.parametrize("standing", Standing)
def test_each_standing_says_what_to_do(standing):
    assert refusal(standing, made(), ["t"]).hint
