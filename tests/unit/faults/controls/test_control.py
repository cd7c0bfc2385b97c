import json

import pytest

from tests.faults.controls.control import Outcome, table
from tests.faults.controls.judge import Tally

EXACT, BROKEN, EMPTY = Tally(1000, 0, 0), Tally(1000, 3, 1200, 4, 300), Tally(0, 0, 0)


@pytest.mark.parametrize(
    ("theirs", "ours", "seen"),
    [(BROKEN, EXACT, True), (EXACT, EXACT, False), (BROKEN, BROKEN, False), (EMPTY, EXACT, False)],
)
def test_a_control_is_seen_when_the_known_way_fails_and_ours_does_not(theirs, ours, seen):
    assert Outcome("one", "kills", theirs, ours).seen is seen


@pytest.mark.parametrize(
    ("theirs", "ours", "seen"), [(BROKEN, EXACT, True), (EXACT, EXACT, True), (EXACT, BROKEN, False)]
)
def test_one_that_need_not_fail_is_seen_when_ours_holds(theirs, ours, seen):
    outcome = Outcome("one", "kills", theirs, ours, must_fail=False)
    assert outcome.seen is seen
    assert ("NOT SEEN" in table([outcome])) is not seen


def test_the_table_has_the_figures_of_both_ways():
    lines = table(
        [Outcome("one", "4 kills", BROKEN, EXACT), Outcome("two", "none", EXACT, EXACT)]
    ).splitlines()
    assert lines[0].split() == ["effects", "lost", "doubled", "wrong", "places"]
    assert lines[1] == "one: seen to fail (4 kills)"
    assert lines[2].split() == ["the", "known", "way", "1,000", "3", "1,200", "4", "of", "300"]
    assert lines[3].split() == ["ours", "1,000", "0", "0", "-"]
    assert lines[4] == "two: NOT SEEN to fail (none)"


def test_as_json_it_says_whether_it_was_seen():
    told = json.loads(json.dumps(Outcome("one", "4 kills", BROKEN, EXACT).to_json()))
    assert told["seen"] is True
    assert told["theirs"] == {"of": 1000, "lost": 3, "doubled": 1200, "wrong": 4, "wrong_of": 300}
