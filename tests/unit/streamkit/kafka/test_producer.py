"""What a transactional producer makes of its client's errors; the client is a stand-in."""

import confluent_kafka as ck
import pytest
from confluent_kafka import KafkaError, KafkaException

from streamkit.broker import AbortableError, AwayError, TooLargeError
from streamkit.errors import FencedError, RetryableError
from streamkit.kafka.faults import Refusals
from streamkit.kafka.producer import KafkaTransactionalProducer

FENCED = KafkaError(KafkaError._FENCED, "fenced by a newer instance", True)
OLD_EPOCH = KafkaError(KafkaError.INVALID_PRODUCER_EPOCH)
INSTANCE = KafkaError(KafkaError.FENCED_INSTANCE_ID, "x", True)
UNREACHED = KafkaError(KafkaError._ALL_BROKERS_DOWN)


class Client:
    """Fails with `error` wherever it is asked to decide something, and tells of `news` when it is polled."""

    def __init__(self, settings):
        self.tell = settings["error_cb"]
        self.error = self.news = None
        self.purged = 0
        self.rounds = []
        self.produced = []
        self.refuse = {}

    def init_transactions(self, _timeout):
        """Takes over."""

    def begin_transaction(self):
        """Begins."""

    def commit_transaction(self, _timeout):
        raise KafkaException(self.error)

    abort_transaction = commit_transaction

    def send_offsets_to_transaction(self, _offsets, _metadata, _timeout):
        raise KafkaException(self.error)

    def produce(self, _topic, value, *_others):
        if self.error is not None:
            raise KafkaException(self.error)
        self.produced.append(value)

    def produce_batch(self, topic, messages, partition):
        self.rounds.append((topic, [message["value"] for message in messages], partition))
        if len(self.rounds) > 9:
            raise AssertionError("it goes on for ever")
        left = [message for message in messages if message["value"] in self.refuse]
        for message in left:
            message["_error"] = KafkaError(self.refuse[message["value"]].pop(0))
        self.refuse = {value: codes for value, codes in self.refuse.items() if codes}
        return len(messages) - len(left)

    def poll(self, _timeout):
        if self.news is not None:
            self.tell(self.news)
        if self.error is not None and self.error.fatal():
            raise KafkaException(self.error)

    def purge(self):
        self.purged += 1

    def flush(self, _timeout):
        if self.error is not None:
            raise KafkaException(self.error)
        return 0


@pytest.fixture
def producer(monkeypatch):
    monkeypatch.setattr(ck, "Producer", Client)
    made = KafkaTransactionalProducer({"transactional.id": "t"}, Refusals(lambda _message: None))
    made.begin()
    return made


DECIDING = {
    "commit": lambda producer: producer.commit(),
    "abort": lambda producer: producer.abort(),
    "send_offsets": lambda producer: producer.send_offsets({}, object()),
    "send": lambda producer: producer.send("t", b"k", b"v" * 100_000),
}


def send(producer, *values):
    for value in values:
        producer.send("t", b"k", value)


def numbered(count):
    return [b"%d" % number for number in range(count)]


def test_the_first_records_of_a_transaction_are_handed_on_together_and_in_order(producer):
    client = producer._producer
    send(producer, *numbered(63))
    assert client.produced == []
    send(producer, b"63")
    assert client.produced == numbered(64)
    send(producer, b"64")
    assert client.produced == numbered(65), "from then on each at once"


@pytest.mark.parametrize(
    "call",
    [
        lambda producer: producer.send_offsets({}, object()),
        lambda producer: producer.commit(),
        lambda producer: producer.flush(1),
        lambda producer: producer.send_many("t", 0, []),
    ],
    ids=["send_offsets", "commit", "flush", "send_many"],
)
def test_what_ends_the_making_of_records_hands_them_on(producer, call):
    client = producer._producer
    client.error = None
    client.commit_transaction = client.send_offsets_to_transaction = lambda *_: None
    send(producer, b"a", b"b")
    call(producer)
    send(producer, b"c")
    assert client.produced == [b"a", b"b", b"c"]


def test_a_large_record_does_not_overtake_those_before_it_and_is_not_held(producer):
    large = b"x" * 100_000
    send(producer, b"a", large, b"b")
    assert producer._producer.produced == [b"a", large, b"b"]


def test_large_headers_make_a_large_record(producer):
    producer.send("t", b"k", b"v", [("h", b"x" * 100_000)])
    assert producer._producer.produced == [b"v"]


def test_an_aborted_transaction_leaves_nothing_to_the_next(producer):
    client = producer._producer
    client.abort_transaction = client.commit_transaction = lambda *_: None
    send(producer, b"a")
    producer.abort()
    producer.begin()
    send(producer, b"b")
    producer.commit()
    assert client.produced == [b"b"]


def test_a_record_outside_a_transaction_is_not_carried_into_the_next(producer):
    client = producer._producer
    client.abort_transaction = client.commit_transaction = lambda *_: None
    producer.abort()
    send(producer, b"outside")
    assert client.produced == [b"outside"], "the client is the one to refuse it"
    producer.begin()
    producer.commit()
    assert client.produced == [b"outside"]


def test_a_transaction_begins_with_nothing_held(producer):
    client = producer._producer
    client.commit_transaction = lambda *_: None
    send(producer, b"never ended")
    producer.begin()
    send(producer, b"b")
    producer.commit()
    assert client.produced == [b"b"]


def failing(producer, error, news=None):
    producer._producer.error, producer._producer.news = error, news


@pytest.mark.parametrize("call", DECIDING.values(), ids=DECIDING)
@pytest.mark.parametrize("error", [FENCED, OLD_EPOCH], ids=["fatal", "epoch"])
def test_being_fenced_means_another_process_unless_the_broker_was_away(producer, call, error):
    failing(producer, error)
    with pytest.raises(FencedError, match="another process"):
        call(producer)
    failing(producer, error, UNREACHED)
    with pytest.raises(AwayError, match="was away"):
        call(producer)


def test_an_absence_before_the_transaction_began_explains_nothing(producer):
    failing(producer, OLD_EPOCH)
    producer._producer.tell(UNREACHED)
    producer.begin()
    with pytest.raises(FencedError):
        producer.commit()


def test_a_client_whose_broker_was_away_is_used_no_more(producer):
    client = producer._producer
    client.tell(UNREACHED)  # while it looked for the broker
    producer.init()
    producer.check()
    client.news = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    producer.check()
    client.news = UNREACHED
    with pytest.raises(AwayError, match="could not be reached"):
        producer.check()


def test_a_place_in_the_group_is_taken_by_another_process_only(producer):
    failing(producer, INSTANCE, UNREACHED)
    with pytest.raises(FencedError):
        producer.commit()


def test_a_timeout_leaves_the_outcome_unknown_and_a_refusal_does_not(producer):
    failing(producer, KafkaError(KafkaError._TIMED_OUT, "timed out", False, True))
    with pytest.raises(AwayError, match="how it ended is not known"):
        producer.commit()
    failing(producer, KafkaError(KafkaError._TIMED_OUT, "timed out", False, False, True))
    with pytest.raises(AbortableError):
        producer.commit()


def test_a_fenced_client_is_closed_once_and_in_peace(producer):
    failing(producer, FENCED)
    client = producer._producer
    producer.close()
    producer.close()
    assert client.purged == 1
    assert producer._producer is None, "the client would live on with its threads"


def test_of_many_only_those_that_found_no_room_are_tried_again(producer):
    client = producer._producer
    client.refuse = {b"2": [KafkaError._QUEUE_FULL] * 2, b"3": [KafkaError._QUEUE_FULL]}
    producer.send_many("log", 4, [(b"k", b"1"), (b"k", b"2"), (b"k", b"3")])
    assert client.rounds == [("log", values, 4) for values in ([b"1", b"2", b"3"], [b"2", b"3"], [b"2"])]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError.MSG_SIZE_TOO_LARGE, TooLargeError),
        (KafkaError._UNKNOWN_PARTITION, RetryableError),
        (KafkaError._FENCED, FencedError),
    ],
)
def test_of_many_one_that_can_never_be_sent_is_an_error(producer, code, kind):
    client = producer._producer
    client.refuse = {b"1": [KafkaError._QUEUE_FULL], b"2": [code] * 20}
    with pytest.raises(kind, match=r"log|another process"):
        producer.send_many("log", 4, [(b"k", b"1"), (b"k", b"2")])
    assert len(client.rounds) == 1
