"""Side inputs over either broker: whole before the first record, recorded with each output, never behind."""

import json

from streamkit.errors import DeadLetterError
from streamkit.headers import SIDE, carried
from streamkit.records import Output, TopicPartition
from streamkit.side import SideInput
from tests.support.workers import counting, make_topics, read_all, session_ended, turn_until, vanish, worker


def decode(record):
    if record.value == b"broken":
        raise DeadLetterError("not a row", reason="undecodable")
    return record.key.decode(), record.value.decode() if record.value else None


def join(batch, side, state):
    rows = side.table("names")
    for record in batch:
        row = rows.get(record.key.decode())
        name = row.value if row else "?"
        yield Output(
            "counts", record.key, f"{name}@{row.offset if row else '-'}".encode(), 1, carried(record)
        )


def joining(topic):
    return counting(topic, topic, step=join, side_inputs=(SideInput("names", f"{topic}-names", decode),))


def setup(broker, topic):
    make_topics(broker, topic, 1)
    broker.admin().create_topic(f"{topic}-names", 1, {})


def put(broker, topic, *pairs):
    producer = broker.producer()
    for key, value in pairs:
        producer.send(topic, key, value)
    producer.flush(10)


def outputs(broker, topic):
    return [(r.value, json.loads(r.header(SIDE) or b"{}")) for r in read_all(broker, f"{topic}-counts")]


def test_the_first_record_sees_all_that_was_there_at_start(broker, topic, tmp_path):
    setup(broker, topic)
    put(broker, f"{topic}-names", *((b"%d" % n, b"old") for n in range(50)), (b"7", b"new"), (b"8", None))
    put(broker, topic, (b"7", b""), (b"8", b""), (b"9", b""))
    one = worker(joining(topic), broker, tmp_path)
    turn_until([one], lambda: len(outputs(broker, topic)) == 3)
    one.close()
    vector = {f"{topic}-names-0": 52}
    assert outputs(broker, topic) == [(b"new@50", vector), (b"?@-", vector), (b"old@9", vector)]


def test_rows_that_come_later_are_seen_later(broker, topic, tmp_path):
    setup(broker, topic)
    one = worker(joining(topic), broker, tmp_path)
    put(broker, topic, (b"7", b""))
    turn_until([one], lambda: len(outputs(broker, topic)) == 1)
    put(broker, f"{topic}-names", (b"7", b"seven"))
    turn_until([one], lambda: one._side.view.table("names").get("7") is not None)
    put(broker, topic, (b"7", b""))
    turn_until([one], lambda: len(outputs(broker, topic)) == 2)
    one.close()
    assert outputs(broker, topic) == [(b"?@-", {}), (b"seven@0", {f"{topic}-names-0": 1})]


def test_a_new_owner_waits_until_it_has_reached_the_recorded_vector(broker, topic, tmp_path):
    setup(broker, topic)
    put(broker, f"{topic}-names", (b"7", b"seven"))
    put(broker, topic, (b"7", b""))
    first = worker(joining(topic), broker, tmp_path)
    turn_until([first], lambda: len(outputs(broker, topic)) == 1)
    vanish(first)
    put(broker, topic, (b"7", b""))
    behind = worker(joining(topic), broker, tmp_path)
    # As if its side consumer had not got so far yet.
    behind._side.view._next.clear()
    behind._side.view._positions = None
    for _ in range(20):
        behind.turn()
    assert len(outputs(broker, topic)) == 1
    put(broker, f"{topic}-names", (b"8", b"eight"))
    turn_until([behind], lambda: len(outputs(broker, topic)) == 2)
    behind.close()


def test_a_broken_side_record_is_put_aside_once_whoever_reads_it(broker, topic, tmp_path):
    setup(broker, topic)
    put(broker, f"{topic}-names", (b"1", b"broken"), (b"2", b"two"))
    put(broker, topic, (b"2", b""))
    spec = joining(topic)
    for slot in ("0", "0", "1"):
        one = worker(spec, broker, tmp_path, slot)
        before = len(outputs(broker, topic))
        put(broker, topic, (b"2", b""))
        turn_until([one], lambda one=one, before=before: len(outputs(broker, topic)) > before)
        one.close()
        session_ended(broker, topic, slot)
    assert [r.value for r in read_all(broker, f"{topic}-dead")] == [b"0:undecodable"]
    ends = broker.admin().end_offsets([TopicPartition(f"{topic}-names", 0)], committed_only=True)
    assert set(ends.values()) == {2}


def test_each_of_many_broken_side_records_gets_its_letter(broker, topic, tmp_path):
    setup(broker, topic)
    put(broker, f"{topic}-names", *((b"1", b"broken") for _ in range(1_200)))
    put(broker, topic, (b"2", b""))
    one = worker(joining(topic), broker, tmp_path)
    turn_until([one], lambda: len(outputs(broker, topic)) == 1)
    one.close()
    letters = [r.value for r in read_all(broker, f"{topic}-dead")]
    assert letters == [b"%d:undecodable" % n for n in range(1_200)]
