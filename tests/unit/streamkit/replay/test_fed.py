"""A hop of a chain reads the other's records in the places of live's."""

from streamkit.headers import HEARTBEAT, SOURCE
from streamkit.records import TopicPartition
from streamkit.replay.fed import FedBroker, Feed
from streamkit.testing.memory import MemoryBroker
from tests.support.workers import read_all


def written(broker, topic, partition, source, value, **more):
    headers = ((SOURCE, source.encode()),) if source else ((HEARTBEAT, b"1"),)
    broker.producer().send(topic, b"k", value, headers, partition=partition, **more)


def test_records_stand_where_live_has_them_with_what_the_replay_made(tmp_path):
    broker = MemoryBroker()
    for topic in ("t", "again.t"):
        broker.create_topic(topic, 2)
    for source in ("a", "b", "", "gone", "c"):
        written(broker, "t", 0, source, b"live", timestamp_ms=1)
    for source in ("c", "b", "a", "more"):
        written(broker, "again.t", 1, source, source.encode(), timestamp_ms=2)
    feed = Feed(tmp_path / "feed", read_all(broker, "again.t"))
    found = read_all(FedBroker(broker, "t", feed), "t")
    assert [(r.offset, r.value, r.timestamp_ms) for r in found] == [
        (0, b"a", 2),
        (1, b"b", 2),
        (2, b"live", 1),
        (4, b"c", 2),
    ]
    assert {(r.topic, r.partition) for r in found} == {("t", 0)}
    assert [r.value for r in read_all(FedBroker(broker, "t", feed), "again.t")] == [b"c", b"b", b"a", b"more"]
    feed.close()
    again = Feed(tmp_path / "feed", [])
    assert [r.value for r in read_all(FedBroker(broker, "t", again), "t")] == [b"live"], "only the heartbeat"
    again.close()


def test_the_end_is_told_also_behind_what_is_left_out(tmp_path):
    broker = MemoryBroker()
    broker.create_topic("t", 1)
    written(broker, "t", 0, "gone", b"live")
    feed = Feed(tmp_path / "feed", [])
    consumer = FedBroker(broker, "t", feed).consumer()
    consumer.assign({TopicPartition("t", 0): 0})
    assert consumer.consume(10, 0) == ([], {TopicPartition("t", 0): 1})
    feed.close()
