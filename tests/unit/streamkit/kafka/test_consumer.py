"""What a consumer makes of its client's messages; the client is a stand-in."""

import ctypes

import confluent_kafka as ck
import pytest
from confluent_kafka import KafkaError, KafkaException

from streamkit.broker import AwayError
from streamkit.deadletters import dead_letter_of
from streamkit.kafka.consumer import UNREADABLE_NAME, KafkaConsumer
from streamkit.kafka.faults import Refusals
from streamkit.loop.put_aside import PutAside
from streamkit.records import Rejected, TopicPartition


class Message:
    """A message with these headers, in the form in which the client gives them."""

    def __init__(self, headers):
        self.headers = headers if callable(headers) else lambda: headers

    error = key = value = lambda _self: None
    topic = lambda _self: "t"  # noqa: E731
    partition = offset = lambda _self: 0
    timestamp = lambda _self: (1, 5)  # noqa: E731


def nameless(value):
    """Return a pair whose first place is empty, as only an extension can make one."""
    api = ctypes.pythonapi
    api.PyTuple_New.restype = ctypes.py_object
    api.Py_IncRef.argtypes = [ctypes.py_object]
    pair = api.PyTuple_New(2)
    api.Py_IncRef(value)
    second = id(pair) + tuple.__basicsize__ + tuple.__itemsize__
    ctypes.c_void_p.from_address(second).value = id(value)
    return pair


@pytest.fixture
def read(monkeypatch):
    """`read(headers)` consumes one message with these headers and gives its record."""

    def consumed(headers):
        class Client:
            def __init__(self, _settings):
                """Connects to nothing."""

            def consume(self, _most, _timeout):
                return [Message(headers)]

        monkeypatch.setattr(ck, "Consumer", Client)
        (record,) = KafkaConsumer({}, Refusals(print)).consume(10, 0.1).records
        return record

    return consumed


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        (None, ()),
        ([], ()),
        ([("a", b"1"), ("a", b"2")], (("a", b"1"), ("a", b"2"))),
        ([("a", b"1"), ("b", None), ("c", b"")], (("a", b"1"), ("b", b""), ("c", b""))),
    ],
)
def test_a_header_without_a_value_is_an_empty_one(read, given, seen):
    assert read(given).headers == seen


def test_a_record_with_such_a_header_can_be_put_aside(read):
    rejected = Rejected(read([("kapstan-hops", None)]), "empty", "It has no value.")
    assert dead_letter_of(rejected, "s", "id").source_headers == (("kapstan-hops", b""),)
    aside = PutAside()
    aside.add(rejected)
    assert list(aside.records) == [rejected]


def test_a_header_whose_name_is_not_text_does_not_hide_the_others(read):
    # As the client does: it raises, and then gives pairs in which the place of such a name is empty.
    answers = [[("a", b"1"), nameless(b"2"), nameless(None), ("b", None)]]
    faults = [SystemError("headers returned a result with an exception set")]

    def headers():
        if faults:
            raise faults.pop()
        return answers[0]

    assert read(headers).headers == (
        ("a", b"1"),
        (UNREADABLE_NAME, b"2"),
        (UNREADABLE_NAME, b""),
        ("b", b""),
    )


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        (KafkaError.NOT_COORDINATOR, 2),
        (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, 2),
        (KafkaError._TIMED_OUT, 1),
    ],
)
def test_a_coordinator_that_does_not_know_of_it_yet_is_asked_again(monkeypatch, code, asked):
    calls = []

    class Client:
        def __init__(self, _settings):
            """Fails once."""

        def committed(self, partitions, _timeout):
            calls.append(partitions)
            if len(calls) == 1:
                raise KafkaException(KafkaError(code))
            return []

    monkeypatch.setattr(ck, "Consumer", Client)
    consumer = KafkaConsumer({}, Refusals(lambda _message: None))
    if asked > 1:
        assert dict(consumer.committed([TopicPartition("t", 0)])) == {}
    else:
        with pytest.raises(AwayError):
            consumer.committed([TopicPartition("t", 0)])
    assert len(calls) == asked
