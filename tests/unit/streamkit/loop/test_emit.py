"""What becomes of an output that is too large; the rest of emitting is tested over both brokers."""

import pytest

from streamkit.errors import StopError
from streamkit.headers import SOURCE, carried
from streamkit.loop.emit import Emitter
from streamkit.records import MAX_RECORD_BYTES, Output, Record, Rejected
from streamkit.testing.memory import MemoryBroker

LARGE = b"x" * MAX_RECORD_BYTES


@pytest.fixture
def broker():
    made = MemoryBroker()
    for topic in ("out", "dead"):
        made.create_topic(topic)
    return made


@pytest.fixture
def emitter(broker):
    made = Emitter(broker.producer(), "svc", "dead", lambda letter: letter.reason.encode())
    made.route({"out": "out"})
    made.begin(7)
    return made


def record(offset, value=b"v", headers=()):
    return Record("in", 0, offset, 1, b"k", value, ((SOURCE, b"in@id/0/%d" % offset), *headers))


def output(of, value, **changes):
    return Output("out", of.key, value, 1, **{"headers": carried(of), **changes})


def test_its_record_is_rejected_once_and_the_others_are_written(emitter, broker):
    one, two, three = batch = [record(n) for n in range(3)]
    made = [output(one, b"1"), output(two, LARGE), output(two, LARGE), output(two, b"2"), output(three, b"3")]
    (rejected,) = emitter.outputs(made, batch)
    assert rejected.record is two
    assert rejected.reason == "too_large"
    assert "'out'" in rejected.detail
    assert [r.value for r in broker.records("out")] == [b"1", b"2", b"3"]
    assert emitter.written == 3


def test_a_record_that_was_rejected_already_is_not_rejected_again(emitter):
    one = record(0)
    rejected = Rejected(one, "bad", "It is bad.")
    assert emitter.outputs([rejected, output(one, LARGE)], [one]) == [rejected]


@pytest.mark.parametrize("headers", [(), ((SOURCE, b"in@id/0/99"),)], ids=["none", "another"])
def test_without_the_header_of_a_record_it_stops(emitter, headers):
    one = record(0)
    with pytest.raises(StopError, match=r"output 'out' is too large and has no .* header"):
        emitter.outputs([output(one, LARGE, headers=headers)], [one])


def test_a_dead_letter_leaves_long_headers_to_its_value(emitter, broker):
    one = record(0, headers=(("long", LARGE), ("kapstan-tenant", b"acme")))
    emitter.dead_letter(Rejected(one, "bad", "It is bad."), "id")
    (letter,) = broker.records("dead")
    assert letter.headers == (
        (SOURCE, b"in@id/0/0"),
        ("kapstan-tenant", b"acme"),
        ("kapstan-hops", b"svc=7"),
    )
