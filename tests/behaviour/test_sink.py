"""The Sink loop over either broker: the destination's positions decide, whatever the group's offsets say."""

import prometheus_client
import pytest

from streamkit.errors import RetryableError, StopError
from streamkit.headers import HEARTBEAT
from streamkit.positions import Positions
from tests.support.sinks import ListDestination, sink
from tests.support.workers import turn_until


def send(broker, topic, values, headers=()):
    producer = broker.producer()
    for value in values:
        producer.send(topic, b"k%d" % (value % 5), b"%d" % value, headers)
    producer.flush(10)


def test_everything_lands_once_with_the_positions_it_reaches_to(broker, topic, tmp_path):
    broker.admin().create_topic(topic, 2, {})
    send(broker, topic, range(50))
    kept = ListDestination()
    one = sink(topic, kept, broker, tmp_path)
    turn_until([one], lambda: len(kept.committed) == 50)
    one.close()
    assert sorted(int(r.value) for r in kept.committed) == list(range(50))
    assert sum(kept.positions.values()) == 50
    assert kept.positions.topic_ids == {topic: broker.admin().topics([topic])[topic].topic_id}


def test_the_destinations_positions_win_over_the_groups(broker, topic, tmp_path):
    broker.admin().create_topic(topic, 1, {})
    send(broker, topic, range(20))
    first = ListDestination()
    one = sink(topic, first, broker, tmp_path)
    turn_until([one], lambda: len(first.committed) == 20)
    one.close()
    behind = ListDestination()
    behind.positions = Positions.of({(topic, 0): 15})
    again = sink(topic, behind, broker, tmp_path)
    turn_until([again], lambda: len(behind.committed) == 5)
    again.close()
    assert [int(r.value) for r in behind.committed] == list(range(15, 20))


def test_a_failed_commit_is_done_again_from_what_the_destination_holds(broker, topic, tmp_path):
    broker.admin().create_topic(topic, 2, {})
    send(broker, topic, range(30))
    kept = ListDestination()
    kept.fail_commits = [RetryableError("503"), None, RetryableError("503 after it was applied")]
    kept.applied_before_failing = {2}
    one = sink(topic, kept, broker, tmp_path, flush_records=10)
    turn_until([one], lambda: len(kept.committed) >= 30)
    one.close()
    assert sorted(int(r.value) for r in kept.committed) == list(range(30))


def test_workers_share_partitions_and_nothing_doubles_when_one_joins(broker, topic, tmp_path):
    broker.admin().create_topic(topic, 4, {})
    kept = ListDestination()
    first = sink(topic, kept.view(), broker, tmp_path, slot="0")
    send(broker, topic, range(40))
    turn_until([first], lambda: len(kept.committed) == 40)
    second = sink(topic, kept.view(), broker, tmp_path, slot="1")
    send(broker, topic, range(40, 80))
    turn_until([first, second], lambda: second._next and len(kept.committed) == 80)
    second.close()
    first.close()
    assert sorted(int(r.value) for r in kept.committed) == list(range(80))


def test_what_is_assigned_is_counted(broker, topic, tmp_path):
    def counted():
        return prometheus_client.REGISTRY.get_sample_value("kapstan_loop_assigned_partitions")

    broker.admin().create_topic(topic, 3, {})
    one = sink(topic, ListDestination(), broker, tmp_path)
    turn_until([one], lambda: len(one._next) == 3)
    assert counted() == 3
    one.close()
    assert counted() == 0


def test_heartbeats_are_passed_over_unless_asked_for(broker, topic, tmp_path):
    broker.admin().create_topic(topic, 1, {})
    send(broker, topic, range(3))
    send(broker, topic, [99], ((HEARTBEAT, b"1"),))
    send(broker, topic, range(3, 5))
    without, with_them = ListDestination(), ListDestination()
    one = sink(topic, without, broker, tmp_path)
    two = sink(topic, with_them, broker, tmp_path, service=f"{topic}b", keep_heartbeats=True)
    turn_until([one, two], lambda: len(without.committed) == 5 and len(with_them.committed) == 6)
    one.close()
    two.close()
    assert [int(r.value) for r in without.committed] == [0, 1, 2, 3, 4]


def test_a_recreated_topic_stops_the_sink_with_the_remedy(broker, topic, tmp_path):
    broker.admin().create_topic(topic, 1, {})
    kept = ListDestination()
    kept.positions = Positions.of({(topic, 0): 7}, {topic: "another-id"})
    one = sink(topic, kept, broker, tmp_path)
    with pytest.raises(StopError, match="kapstan replay"):
        turn_until([one], lambda: False)
    one.abandon()
    one.close()
    assert kept.committed == []


def test_flushes_wait_for_their_limits(broker, topic, tmp_path):
    broker.admin().create_topic(topic, 1, {})
    kept = ListDestination()
    one = sink(topic, kept, broker, tmp_path, flush_records=8, flush_age_ms=3_600_000)
    send(broker, topic, range(7))
    turn_until([one], lambda: kept.written == 7)
    assert kept.committed == []
    send(broker, topic, [7])
    turn_until([one], lambda: len(kept.committed) == 8)
    one.close()


def test_closing_commits_what_was_written(broker, topic, tmp_path):
    broker.admin().create_topic(topic, 1, {})
    kept = ListDestination()
    one = sink(topic, kept, broker, tmp_path, flush_age_ms=3_600_000)
    send(broker, topic, range(4))
    turn_until([one], lambda: kept.written == 4)
    one.close()
    assert len(kept.committed) == 4
