import orjson
import pytest

import audit.ledger
from audit.ledger import read_ledger
from audit.stores import Place

IDS = {"t": "id-t", "u": "id-u"}


def line(topic, partition, offset):
    return orjson.dumps({"topic": topic, "partition": partition, "offset": offset, "event_id": "e"}) + b"\n"


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_offsets_are_gathered_by_partition(monkeypatch, at_once):
    monkeypatch.setattr(audit.ledger, "_AT_ONCE", at_once)
    lines = [line("t", 0, 5), line("u", 0, 5), line("t", 1, 7), line("t", 0, 6), line("t", 0, 5)]
    found = read_ledger(lines, IDS)
    assert {place: list(held.offsets) for place, held in found.items()} == {
        Place("t", "id-t", 0): [5, 6],
        Place("t", "id-t", 1): [7],
        Place("u", "id-u", 0): [5],
    }
    assert list(found[Place("t", "id-t", 0)].twice) == [5]


def test_other_topics_are_left_out():
    assert read_ledger([line("gone", 0, 1)], IDS) == {}


def test_a_last_line_that_is_cut_off_is_left_out():
    found = read_ledger([line("t", 0, 1), b'{"topic": "t", "par'], IDS)
    assert list(found[Place("t", "id-t", 0)].offsets) == [1]


def test_a_bad_line_in_the_middle_is_an_error():
    with pytest.raises(ValueError, match="line 2"):
        read_ledger([line("t", 0, 1), b"?\n", line("t", 0, 2)], IDS)
