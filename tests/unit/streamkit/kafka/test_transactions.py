"""The transactional producer against a scripted broker: what it asks, when, and what it makes of answers."""

import datetime as dt
from collections import defaultdict

import pytest
from aiokafka.record.memory_records import MemoryRecords
from kio.schema.end_txn.v5.response import EndTxnResponse
from kio.schema.errors import ErrorCode
from kio.schema.init_producer_id.v5.response import InitProducerIdResponse
from kio.schema.produce.v12 import response as produced
from kio.schema.txn_offset_commit.v5 import response as added
from kio.static.primitive import i16, i32, i32Timedelta, i64

from streamkit.broker import AbortableError, AwayError, TooLargeError
from streamkit.errors import FencedError, RetryableError, StopError
from streamkit.kafka import transactions
from streamkit.kafka.batches import BATCH_BYTES
from streamkit.kafka.faults import OldEpochError, PassingError
from streamkit.kafka.transactions import KafkaTransactionalProducer
from streamkit.records import MAX_RECORD_BYTES, TopicPartition

PLACE = b"CGMDv2:" + (7).to_bytes(4, "little") + b"g\0m\0\0i\0"
NO_WAIT = i32Timedelta.parse(dt.timedelta(0))


class Broker:
    """A cluster of one broker: notes what is sent, and answers from a script of codes when it is asked."""

    def __init__(self):
        self.sent = []
        self.read = []
        self.codes = defaultdict(list)
        self.moves = self.idles = 0
        self.epoch = 4
        self.offsets = defaultdict(int)
        self.missing = []

    def partitions(self, _topic):
        if self.missing:
            raise self.missing.pop(0)
        return 4

    def leader(self, _tp):
        return self

    def coordinator(self, _kind, _key):
        return self

    def moved(self):
        self.moves += 1

    def idle(self):
        self.idles += 1

    def close(self):
        self.sent.append("close")

    def ask(self, request, answer):
        return self.send(request, answer).answer()

    def send(self, request, _answer):
        name = type(request).__name__.removesuffix("Request")
        self.sent.append((name, request))
        return Pending(self, name, request)

    def names(self):
        return [name for name, _ in self.sent]

    def requests(self, name):
        return [request for other, request in self.sent if other == name]


class Pending:
    def __init__(self, broker, name, request):
        self.broker, self.name, self.request = broker, name, request

    def answer(self):
        self.broker.read.append(self.name)
        script = self.broker.codes[self.name]
        code = script.pop(0) if script else ErrorCode.none
        if isinstance(code, Exception):
            raise code
        return getattr(self, self.name)(code)

    def InitProducerId(self, code):  # noqa: N802 - named after the request
        return InitProducerIdResponse(
            throttle_time=NO_WAIT, error_code=code, producer_id=i64(9), producer_epoch=i16(self.broker.epoch)
        )

    def EndTxn(self, code):  # noqa: N802 - named after the request
        self.broker.epoch += 1
        return EndTxnResponse(
            throttle_time=NO_WAIT, error_code=code, producer_id=i64(9), producer_epoch=i16(self.broker.epoch)
        )

    def TxnOffsetCommit(self, code):  # noqa: N802 - named after the request
        partition = added.TxnOffsetCommitResponsePartition(partition_index=i32(0), error_code=code)
        topic = added.TxnOffsetCommitResponseTopic(name="in", partitions=(partition,))
        return added.TxnOffsetCommitResponse(throttle_time=NO_WAIT, topics=(topic,))

    def Produce(self, code):  # noqa: N802 - named after the request
        """Refuse the first partition with the code, and take the others."""
        topics = []
        for topic in self.request.topic_data:
            answers = []
            for data in topic.partition_data:
                base = self.broker.offsets[topic.name, data.index]
                answers.append(
                    produced.PartitionProduceResponse(
                        index=data.index, error_code=code, base_offset=i64(base), record_errors=()
                    )
                )
                code = ErrorCode.none
            topics.append(produced.TopicProduceResponse(name=topic.name, partition_responses=tuple(answers)))
        return produced.ProduceResponse(responses=tuple(topics))


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def producer(broker, monkeypatch):
    monkeypatch.setattr(transactions, "COMMIT_TIMEOUT_S", 0.05)
    made = KafkaTransactionalProducer(broker, "tx")
    made.init()
    broker.sent.clear()
    broker.read.clear()
    made.begin()
    return made


def contents(request):
    """Return {(topic, partition): (epoch, first sequence, values)} of a request to store records."""
    found = {}
    for topic in request.topic_data:
        for data in topic.partition_data:
            batch = MemoryRecords(bytes(data.records)).next_batch()
            head = batch.producer_epoch, batch.base_sequence
            found[topic.name, data.index] = (*head, [record.value for record in batch])
    return found


def offsets(producer):
    producer.send_offsets({TopicPartition("in", 0): 5}, PLACE)


def test_a_transaction_is_one_request_for_all_records_one_for_the_positions_and_one_to_end_it(
    broker, producer
):
    for number in range(6):
        producer.send("out", b"k", b"%d" % number, partition=number % 3)
    producer.send("log", b"k", b"state", partition=1)
    assert broker.sent == [], "nothing before it is needed"
    offsets(producer)
    assert broker.names() == broker.read == ["Produce", "TxnOffsetCommit"]
    producer.commit()
    assert broker.names() == ["Produce", "TxnOffsetCommit", "EndTxn"]
    [request] = broker.requests("Produce")
    assert contents(request) == {
        ("out", 0): (4, 0, [b"0", b"3"]),
        ("out", 1): (4, 0, [b"1", b"4"]),
        ("out", 2): (4, 0, [b"2", b"5"]),
        ("log", 1): (4, 0, [b"state"]),
    }
    assert (request.transactional_id, request.acks) == ("tx", -1)
    [end] = broker.requests("EndTxn")
    assert (end.transactional_id, end.producer_id, end.producer_epoch, end.committed) == ("tx", 9, 4, True)
    [positions] = broker.requests("TxnOffsetCommit")
    assert (positions.group_id, positions.generation_id, positions.member_id) == ("g", 7, "m")
    assert positions.group_instance_id == "i"
    assert positions.producer_epoch == 4


def test_the_positions_are_sent_before_the_records_are_known_to_be_stored(broker, producer, monkeypatch):
    seen = []
    monkeypatch.setattr(Pending, "answer", spying(Pending.answer, lambda _: seen.append(broker.names())))
    producer.send("out", b"k", b"v")
    offsets(producer)
    assert seen[0] == ["Produce", "TxnOffsetCommit"]


def spying(method, note):
    def spy(self):
        note(self)
        return method(self)

    return spy


def test_each_end_brings_the_epoch_of_the_next_transaction_whose_numbers_begin_again(broker, producer):
    for _ in range(2):
        producer.send("out", b"k", b"v", partition=0)
        producer.commit()
        producer.begin()
    producer.send("out", b"k", b"v", partition=0)
    producer.abort()
    producer.begin()
    producer.send("out", b"k", b"v", partition=0)
    producer.commit()
    assert [contents(r)["out", 0][:2] for r in broker.requests("Produce")] == [(4, 0), (5, 0), (6, 0)]
    assert [r.producer_epoch for r in broker.requests("EndTxn")] == [4, 5, 6]


def test_what_is_aborted_before_it_was_sent_is_never_sent(broker, producer):
    producer.send("out", b"k", b"v")
    producer.abort()
    assert broker.sent == []
    producer.begin()
    producer.commit()
    assert broker.sent == [], "an empty transaction is nothing to the broker"


def test_much_is_sent_on_the_way_in_order_and_one_request_at_a_time(broker, producer):
    value = b"x" * (BATCH_BYTES // 4)
    for _ in range(9):
        producer.send("out", b"k", value, partition=0)
    assert len(broker.requests("Produce")) > 1
    assert len(broker.read) == len(broker.sent) - 1, "each waits until those before it are stored"
    producer.commit()
    firsts = [contents(request)["out", 0] for request in broker.requests("Produce")]
    count = 0
    for _, sequence, values in firsts:
        assert sequence == count
        count += len(values)
    assert count == 9


def test_what_a_broker_would_take_in_a_moment_is_sent_again_as_it_was_before_anything_else(broker, producer):
    producer.send("out", b"k", b"a", partition=0)
    producer.send("out", b"k", b"b", partition=1)
    broker.codes["Produce"] = [ErrorCode.not_leader_or_follower, ErrorCode.concurrent_transactions]
    producer.flush(1)
    first, second, third = broker.requests("Produce")
    assert contents(first).keys() == {("out", 0), ("out", 1)}
    assert contents(second) == contents(third) == {("out", 0): (4, 0, [b"a"])}
    assert broker.moves >= 1, "somebody else may lead now"
    producer.send("out", b"k", b"c", partition=0)
    producer.commit()
    assert contents(broker.requests("Produce")[3]) == {("out", 0): (4, 1, [b"c"])}


def test_callers_learn_where_their_records_are_once_these_are_stored(broker, producer):
    told = []
    broker.offsets["out", 2] = 40
    broker.codes["Produce"] = [ErrorCode.not_enough_replicas]
    for value in (b"a", b"b"):
        producer.send("out", b"k", value, partition=2, on_delivered=lambda *place: told.append(place))
    assert told == []
    producer.flush(1)
    assert told == [(2, 40), (2, 41)]


def test_a_batch_that_is_there_already_is_stored(broker, producer):
    broker.codes["Produce"] = [ErrorCode.duplicate_sequence_number]
    producer.send("out", b"k", b"v")
    producer.commit()
    assert broker.names() == ["Produce", "EndTxn"]


CALLS = {
    "Produce": lambda producer: producer.flush(0.05),
    "TxnOffsetCommit": offsets,
    "EndTxn": lambda producer: producer.commit(),
}
FENCED = [ErrorCode.invalid_producer_epoch, ErrorCode.producer_fenced]
SENSELESS = [ErrorCode.invalid_timestamp, ErrorCode.invalid_record, ErrorCode.policy_violation]


@pytest.mark.parametrize("asked", CALLS)
@pytest.mark.parametrize(
    ("code", "error"),
    [
        *((code, OldEpochError) for code in FENCED),
        *((code, StopError) for code in SENSELESS),
        (ErrorCode.invalid_producer_id_mapping, AwayError),
        (ErrorCode.topic_authorization_failed, StopError),
        (ErrorCode.transaction_abortable, AbortableError),
        (ErrorCode.unknown_server_error, AwayError),
        (ErrorCode.invalid_txn_state, AwayError),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_what_cannot_be_mended_by_asking_again_is_told_at_once(broker, producer, asked, code, error):
    broker.codes[asked] = [code]
    producer.send("out", b"k", b"v")
    with pytest.raises(error) as found:
        CALLS[asked](producer)
    assert type(found.value) is error
    assert broker.names().count(asked) == 1


@pytest.mark.parametrize("asked", CALLS)
def test_what_stays_so_for_too_long_leaves_the_outcome_open(broker, producer, asked):
    broker.codes[asked] = [ErrorCode.coordinator_load_in_progress] * 10_000
    producer.send("out", b"k", b"v")
    with pytest.raises(AwayError, match="how it ended is not known"):
        CALLS[asked](producer)
    assert broker.names().count(asked) > 1


@pytest.mark.parametrize("asked", ["TxnOffsetCommit", "EndTxn"])
def test_a_coordinator_that_is_loading_is_asked_again(broker, producer, asked):
    broker.codes[asked] = [ErrorCode.coordinator_load_in_progress, ErrorCode.not_coordinator]
    producer.send("out", b"k", b"v")
    offsets(producer)
    producer.commit()
    assert broker.names().count(asked) == 3
    assert broker.moves == 2


@pytest.mark.parametrize("code", [ErrorCode.illegal_generation, ErrorCode.unknown_member_id])
def test_a_lost_place_in_the_group_aborts_and_the_next_transaction_is_clean(broker, producer, code):
    broker.codes["TxnOffsetCommit"] = [code]
    producer.send("out", b"k", b"v", partition=0)
    with pytest.raises(AbortableError):
        offsets(producer)
    producer.abort()
    assert broker.requests("EndTxn")[-1].committed is False
    producer.begin()
    producer.send("out", b"k", b"w", partition=0)
    producer.commit()
    assert contents(broker.requests("Produce")[-1]) == {("out", 0): (5, 0, [b"w"])}


def test_another_process_in_this_ones_place_fences_it(broker, producer):
    broker.codes["TxnOffsetCommit"] = [ErrorCode.fenced_instance_id]
    with pytest.raises(FencedError):
        offsets(producer)


@pytest.mark.parametrize("asked", CALLS)
def test_a_lost_connection_leaves_the_outcome_open(broker, producer, asked):
    broker.codes[asked] = [AwayError("closed")]
    producer.send("out", b"k", b"v")
    with pytest.raises(AwayError, match="closed"):
        CALLS[asked](producer)


def test_taking_over_waits_for_the_broker_and_for_the_last_holders_transaction(broker):
    broker.codes["InitProducerId"] = [
        AwayError("not there"),
        ErrorCode.concurrent_transactions,
        ErrorCode.coordinator_load_in_progress,
    ]
    producer = KafkaTransactionalProducer(broker, "tx")
    producer.init()
    assert broker.names() == ["InitProducerId"] * 4
    assert broker.requests("InitProducerId")[0].transaction_timeout.total_seconds() == 5
    producer.begin()
    producer.send("out", b"k", b"v", partition=0)
    producer.commit()
    assert contents(broker.requests("Produce")[0]) == {("out", 0): (4, 0, [b"v"])}


def test_a_refused_id_stops_at_once(broker):
    broker.codes["InitProducerId"] = [ErrorCode.transactional_id_authorization_failed]
    with pytest.raises(StopError, match="ACLs"):
        KafkaTransactionalProducer(broker, "tx").init()


def test_the_key_decides_as_in_javas_producer_and_records_without_one_take_turns(broker, producer):
    # org.apache.kafka.common.utils.Utils.murmur2 of "21" is -973932308, and 4 partitions make it 0.
    producer.send("out", b"21", b"v")
    for _ in range(4):
        producer.send("none", None, b"v")
    producer.commit()
    places = list(contents(broker.requests("Produce")[0]))
    assert places[0] == ("out", 0)
    assert sorted(places[1:]) == [("none", partition) for partition in range(4)]


def test_a_topic_that_is_not_there_yet_is_waited_for_and_then_told(broker, producer):
    broker.missing = [PassingError("no topic")] * 2
    producer.send("out", b"k", b"v")
    broker.missing = [PassingError("no topic")] * 1_000
    with pytest.raises(RetryableError, match="no topic") as found:
        producer.send("other", b"k", b"v")
    assert not isinstance(found.value, AwayError), "nothing was done that could have an outcome"


def test_what_is_too_large_is_told_before_it_is_part_of_anything(broker, producer):
    with pytest.raises(TooLargeError, match=r"message\.max\.bytes"):
        producer.send("out", b"k", b"x" * MAX_RECORD_BYTES)
    with pytest.raises(TooLargeError):
        producer.send_many("out", 0, [(b"k", b"x" * MAX_RECORD_BYTES)])
    producer.send_many("out", 0, [(b"k", b"v"), (b"gone", None)])
    producer.commit()
    assert contents(broker.requests("Produce")[0]) == {("out", 0): (4, 0, [b"v", None])}


def test_a_topic_that_takes_less_stops_with_the_setting_to_change(broker, producer):
    broker.codes["Produce"] = [ErrorCode.message_too_large]
    producer.send("out", b"k", b"v")
    with pytest.raises(StopError, match=r"max\.message\.bytes must be above"):
        producer.flush(1)


def test_whoever_sends_is_not_told_that_an_earlier_record_was_too_large_as_if_it_were_theirs(
    broker, producer
):
    broker.codes["Produce"] = [ErrorCode.message_too_large]
    producer.send("out", b"k", b"x" * (BATCH_BYTES + 1), partition=0)
    with pytest.raises(StopError) as found:
        producer.send("out", b"k", b"y" * BATCH_BYTES, partition=0)
    assert not isinstance(found.value, TooLargeError)
    for ending in (producer.commit, lambda: offsets(producer)):
        with pytest.raises(AbortableError, match="was not stored"):
            ending()
    assert "EndTxn" not in broker.names()
    producer.abort()
    producer.begin()
    producer.send("out", b"k", b"v", partition=0)
    producer.commit()
    assert broker.requests("EndTxn")[-1].committed is True


def test_an_open_transaction_is_not_begun_over(broker, producer):
    producer.send("out", b"k", b"v")
    producer.flush(1)
    with pytest.raises(AwayError, match="not ended"):
        producer.begin()


def test_an_old_epoch_after_the_transactions_time_is_the_brokers_doing(broker, producer, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(transactions.time, "monotonic", lambda: now[0])
    producer.send("out", b"k", b"v")
    producer.flush(1)
    now[0] += 5.1
    broker.codes["EndTxn"] = [ErrorCode.producer_fenced]
    with pytest.raises(AwayError, match=r"took 5\.1 s"):
        producer.commit()


def test_taking_over_that_takes_too_long_begins_anew(broker, monkeypatch):
    monkeypatch.setattr(transactions, "REQUEST_TIMEOUT_S", 0.05)
    broker.codes["InitProducerId"] = [ErrorCode.concurrent_transactions] * 1_000
    with pytest.raises(AwayError):
        KafkaTransactionalProducer(broker, "tx").init()
