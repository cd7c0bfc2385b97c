from audit.effects import event_hash
from audit.redriven import Redriven
from streamkit.redrives import Marker

DAY_MS = 24 * 3_600_000
SENT = Marker("enricher:t@i/0/1", "SENT", "enricher", "t", "t@i/0/1", "acme", "e1", 0)


def of(*markers):
    return Redriven({marker.dead_letter_id: marker for marker in markers})


def changed(**fields):
    return Marker(**{name: getattr(SENT, name) for name in Marker.__slots__} | fields)


def test_a_marker_names_the_letter_and_the_event_that_it_is_now():
    found = of(SENT, changed(dead_letter_id="x", source="t@i/0/2", event_id=None))
    assert found.letters == {"enricher:t@i/0/1", "x"}
    assert found.events == {b"t@i/0/1": event_hash(b"acme", b"e1")}


def test_what_went_through_the_gateway_was_no_event_before():
    found = of(changed(source=None), changed(dead_letter_id="x", state="CLAIMED"))
    assert (found.letters, found.events, found.awaited(0)) == (frozenset(), {}, [])


def test_only_what_went_back_within_a_day_is_waited_for():
    found = of(SENT, changed(dead_letter_id="x", service="search_sink", event_time=DAY_MS))
    assert found.awaited(DAY_MS - 1) == [
        ("enricher", "enricher.t.retry"),
        ("search_sink", "search_sink.t.retry"),
    ]
    assert found.awaited(DAY_MS) == [("search_sink", "search_sink.t.retry")]
