"""A batch is read back with aiokafka's own reader of a log."""

import datetime as dt

import pytest
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import example, given
from hypothesis import strategies as st
from kio.static.primitive import i32Timedelta

from streamkit.kafka.batches import BATCH_BYTES, Batch, produce_request
from streamkit.records import TopicPartition

TP = TopicPartition("orders", 3)
PRODUCER = (4711, 6)
TIMEOUT = i32Timedelta.parse(dt.timedelta(seconds=5))
CONTENT = st.none() | st.binary(max_size=300)
HEADERS = st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=40)), max_size=4)
TIMESTAMPS = st.integers(0, 2**48)
RECORDS = st.lists(st.tuples(TIMESTAMPS, CONTENT, CONTENT, HEADERS), min_size=1, max_size=6)


def batch_of(records, tp=TP, producer=PRODUCER, sequence=0):
    batch = Batch(tp, producer, sequence)
    for record in records:
        assert batch.append(*record, None)
    return batch


def read(batch):
    return DefaultRecordBatch(batch.content)


def plain(*values):
    return [(1000, None, value, []) for value in values]


@given(RECORDS)
@example([(5, None, None, []), (3, b"", b"", [("", b"")])])
def test_a_batch_holds_what_was_appended_in_order(records):
    found = [(r.timestamp, r.key, r.value, list(r.headers)) for r in read(batch_of(records))]
    assert found == records


@given(RECORDS)
def test_records_are_numbered_from_zero_and_their_times_are_in_the_header(records):
    batch = batch_of(records)
    stored = read(batch)
    assert [record.offset for record in read(batch)] == list(range(len(records)))
    assert stored.base_offset == 0
    assert stored.last_offset_delta == len(records) - 1
    assert batch.count == len(records)
    assert stored.first_timestamp == records[0][0]
    assert stored.max_timestamp == max(record[0] for record in records)


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**15 - 1), st.integers(0, 2**31 - 1))
def test_a_batch_names_its_producer_and_first_sequence_number(producer_id, epoch, sequence):
    stored = read(batch_of(plain(b"v"), producer=(producer_id, epoch), sequence=sequence))
    assert (stored.producer_id, stored.producer_epoch, stored.base_sequence) == (producer_id, epoch, sequence)


def test_a_batch_is_transactional_uncompressed_and_of_the_newest_layout():
    stored = read(batch_of(plain(b"v" * 1000)))
    assert stored.is_transactional
    assert not stored.is_control_batch
    assert (stored.magic, stored.compression_type, stored.timestamp_type) == (2, 0, 0)


def test_a_batch_carries_its_checksum():
    content = bytearray(batch_of(plain(b"value")).content)
    assert DefaultRecordBatch(bytes(content)).validate_crc()
    content[-2] ^= 1
    assert not DefaultRecordBatch(bytes(content)).validate_crc()


@given(RECORDS)
def test_sizes_add_up_to_the_batch(records):
    batch = Batch(TP, PRODUCER, 0)
    sizes = [batch.append(*record, None) for record in records]
    around = 61  # what stands before the records in a batch of the second layout
    assert len(batch.content) == around + sum(sizes)


def test_a_full_batch_refuses_a_record_and_stays_what_it_was():
    told = []
    batch = batch_of(plain(b"a" * 400_000, b"b" * 400_000))
    assert batch.append(9999, b"k", b"c" * 400_000, [], lambda *place: told.append(place)) == 0
    assert batch.count == 2
    stored = read(batch)
    assert [record.value[:1] for record in stored] == [b"a", b"b"]
    assert (stored.last_offset_delta, stored.max_timestamp) == (1, 1000)
    batch.stored(0)
    assert told == []


def test_a_smaller_record_still_fits_behind_one_that_was_refused():
    batch = batch_of(plain(b"a" * 600_000))
    assert batch.append(1000, None, b"b" * 600_000, [], None) == 0
    assert batch.append(1000, None, b"c", [], None) > 0
    assert [(record.offset, record.value[:1]) for record in read(batch)] == [(0, b"a"), (1, b"c")]


def test_a_batch_never_grows_beyond_its_limit():
    batch = Batch(TP, PRODUCER, 0)
    while batch.append(1000, b"key", b"v" * 999, [("h", b"x")], None):
        pass
    assert BATCH_BYTES - 1100 < len(batch.content) <= BATCH_BYTES


def test_one_record_alone_may_be_larger_than_a_batch():
    value = b"v" * (BATCH_BYTES + 1)
    batch = batch_of(plain(value))
    assert batch.append(1000, None, b"", [], None) == 0
    assert [record.value for record in read(batch)] == [value]


@pytest.mark.parametrize(("base", "expected"), [(0, [0, 2]), (70, [70, 72]), (-1, [-1, -1])])
def test_those_who_asked_are_told_where_their_records_are(base, expected):
    told, batch = [], Batch(TP, PRODUCER, 0)
    for number in range(3):
        asked = None if number == 1 else lambda *place, n=number: told.append((n, *place))
        batch.append(1000, None, b"v", [], asked)
    batch.stored(base)
    assert told == [(0, 3, expected[0]), (2, 3, expected[1])]


def test_content_is_the_same_however_often_it_is_asked_for():
    batch = batch_of(plain(b"a", b"b"))
    assert batch.content == batch.content
    assert isinstance(batch.content, bytes)


def test_a_produce_request_has_one_entry_a_topic_and_its_partitions_below():
    batches = [
        batch_of(plain(content), TopicPartition(topic, partition))
        for topic, partition, content in [("b", 1, b"1"), ("a", 0, b"2"), ("b", 0, b"3")]
    ]
    request = produce_request("slot-1", TIMEOUT, batches)
    found = [
        (topic.name, [(data.index, data.records) for data in topic.partition_data])
        for topic in request.topic_data
    ]
    first, second, third = (batch.content for batch in batches)
    assert found == [("b", [(1, first), (0, third)]), ("a", [(0, second)])]


def test_a_produce_request_waits_for_all_in_sync_replicas_in_its_transaction():
    request = produce_request("slot-1", TIMEOUT, iter([batch_of(plain(b"v"))]))
    assert (request.transactional_id, request.acks, request.timeout) == ("slot-1", -1, TIMEOUT)
    assert len(request.topic_data) == 1
