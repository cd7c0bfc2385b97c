from dataclasses import replace

import pytest

from dead_letters.letter import from_dead_letter, from_unreadable
from dead_letters.repair import Repair
from dead_letters.returning import returning
from streamkit.broker import TopicInfo
from streamkit.deadletters import CUT
from streamkit.errors import DeadLetterError, StopError
from streamkit.headers import EVENT_ID, Source
from streamkit.records import Record
from tests.support.put_aside import DEAD
from tests.unit.dead_letters.test_repair import VALUE, Json

TOPICS = {"clicks.v1": TopicInfo("id", 4), "refiner.clicks.v1.retry": TopicInfo("other", 4)}
LETTER = replace(from_dead_letter(3, DEAD), value=VALUE)


def back(letter=LETTER, repair=None, topics=TOPICS, event_id="id"):
    return returning(letter, repair or Repair(), Json(), event_id, topics)


def test_a_record_goes_back_as_it_was_but_for_what_is_repaired():
    one = back()
    assert (one.letter_id, one.service) == (DEAD["dead_letter_id"], "refiner")
    assert one.place == Source("clicks.v1", "id", 2, 9)
    assert (one.key, one.value, one.moved, one.timestamp_ms) == (b"u1", VALUE, False, DEAD["event_time"])
    assert one.headers == LETTER.headers
    assert one.source == b"clicks.v1@id/2/9"
    assert (one.tenant, one.event_id) == ("acme", "a")
    assert back(repair=Repair(edit={"id": "b"})).event_id == "b"


def test_another_key_decides_the_partition_anew():
    assert back(repair=Repair(key="u2")).moved
    assert not back(repair=Repair(key="u1")).moved


def test_the_gateways_word_for_the_event_counts_more_than_the_value():
    named = replace(LETTER, headers=((EVENT_ID, b"e9"),))
    assert (back(named).tenant, back(named).event_id) == ("default", "e9")


def test_what_cannot_be_read_even_now_goes_back_without_an_event():
    assert back(replace(LETTER, value=b"poison")).event_id is None


@pytest.mark.parametrize(
    ("letter", "topics", "says"),
    [
        (replace(LETTER, detail=f"Bad. {CUT}, which keeps"), TOPICS, "only a part"),
        (replace(LETTER, reason="too_large"), TOPICS, "take it in twice"),
        (replace(LETTER, reason="unencodable"), TOPICS, "take it in twice"),
        (LETTER, {}, "was deleted"),
        (LETTER, TOPICS | {"clicks.v1": TopicInfo("made-again", 4)}, "was deleted"),
        (LETTER, {"clicks.v1": TOPICS["clicks.v1"]}, "takes nothing back"),
    ],
)
def test_what_would_do_harm_or_lead_nowhere_stays(letter, topics, says):
    with pytest.raises(StopError, match=says):
        back(letter, topics=topics)


def test_a_sink_keeps_nothing_of_what_it_refused():
    topics = {"clicks.v1": TOPICS["clicks.v1"], "search_sink.clicks.v1.retry": TopicInfo("x", 4)}
    assert back(replace(LETTER, reason="too_large", service="search_sink"), topics=topics)


def test_a_record_that_is_no_letter_stays():
    stray = Record("dead", 0, 1, 0, None, b"x")
    with pytest.raises(StopError, match="nobody knows where it came from"):
        back(from_unreadable("d1", stray, DeadLetterError("no", reason="undecodable")))
