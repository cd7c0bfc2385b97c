import pytest

from streamkit.ahead import Ahead
from streamkit.errors import DeadLetterError
from streamkit.records import Record


class Counting:
    """Decodes `time` as text and counts how often."""

    def __init__(self):
        self.calls = 0

    def decode(self, value):
        self.calls += 1
        if not value.isdigit():
            raise DeadLetterError("no number", reason="undecodable")
        return {"at": int(value)}


def record(value):
    return Record("t", 0, 0, 77, None, value)


def test_a_value_is_decoded_once_and_then_the_callers_own():
    decoder = Counting()
    ahead = Ahead(decoder, "at")
    assert ahead.event_time(record(b"5")) == 5
    datum = ahead.decode(b"5")
    assert datum == {"at": 5}
    assert decoder.calls == 1
    datum["at"] = 9
    assert ahead.decode(b"5") == {"at": 5}
    assert decoder.calls == 2


def test_what_cannot_be_decoded_has_its_ingest_time_and_is_refused_when_its_turn_comes():
    ahead = Ahead(Counting(), "at")
    assert ahead.event_time(record(b"x")) == 77
    assert ahead.event_time(record(None)) == 77
    with pytest.raises(DeadLetterError):
        ahead.decode(b"x")
