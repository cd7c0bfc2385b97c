import pytest

from streamkit.broker import AwayError
from streamkit.heartbeat import HeartbeatRule, UpstreamGroup
from streamkit.loop.pulse import Frontier, Pulse, Silence
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker

A, B = TopicPartition("a", 0), TopicPartition("b", 0)


def brokers():
    broker = MemoryBroker()
    broker.create_topic("a")
    broker.create_topic("b")
    return broker


def test_silence_counts_from_the_last_move():
    silence = Silence(10)
    assert silence.observe(Positions({A: 0, B: 5}), 100) == []
    assert silence.observe(Positions({A: 0, B: 5}), 109) == []
    assert silence.observe(Positions({A: 0, B: 6}), 110) == [A]
    assert silence.observe(Positions({A: 1, B: 6}), 119) == []
    assert silence.observe(Positions({A: 1, B: 6}), 121) == [B]


def test_a_time_is_safe_once_the_group_has_passed_the_ends_noted_then():
    broker = brokers()
    frontier = Frontier(broker.admin(), [UpstreamGroup("g", ("a",))])
    broker.append(A, None, b"", (), 0)
    assert frontier.move(100) is None
    broker.append(A, None, b"", (), 0)
    assert frontier.move(200) is None
    broker.group("g").offsets[A] = 1
    assert frontier.move(300) == 100
    # The next ends were noted at 300, with two records.
    assert frontier.move(400) == 100
    broker.group("g").offsets[A] = 2
    assert frontier.move(500) == 300


def test_a_chain_is_followed_group_by_group():
    broker = brokers()
    chain = [UpstreamGroup("first", ("a",)), UpstreamGroup("second", ("b",))]
    frontier = Frontier(broker.admin(), chain)
    broker.append(A, None, b"", (), 0)
    assert frontier.move(100) is None
    broker.append(B, None, b"", (), 0)
    broker.group("first").offsets[A] = 1
    assert frontier.move(200) is None
    broker.group("second").offsets[B] = 1
    assert frontier.move(300) == 100


def test_empty_topics_hold_nothing_back():
    frontier = Frontier(brokers().admin(), [UpstreamGroup("g", ("a", "b"))])
    assert frontier.move(100) is None
    assert frontier.move(200) == 100


def test_the_broker_is_asked_every_two_seconds_and_a_beat_is_behind_the_clock():
    broker, clock = brokers(), ManualClock(1_000_000)
    pulse = Pulse(broker.admin(), broker.ask, clock, HeartbeatRule(10_000, 5_000), "g")
    due = []
    for _ in range(60):
        due += [(clock.now_ms(), beat) for beat in pulse.due(("a",), ["b"])]
        clock.sleep(0.25)
    assert [beat.partition for _, beat in due] == [B] * len(due)
    assert 2 <= len(due) <= 3
    assert all(time - 8_000 <= beat.event_time <= time - 5_000 for time, beat in due)


@pytest.mark.parametrize("failing", ["topics", "end_offsets", "group_offsets"])
@pytest.mark.parametrize("call", range(4))
def test_a_broker_that_is_away_delays_a_beat_and_proves_nothing(failing, call, monkeypatch):
    broker, clock = brokers(), ManualClock()
    for _ in range(3):
        broker.append(A, None, b"", (), 0)
    admin = broker.admin()
    calls, ask = [], getattr(admin, failing)

    def away(*arguments, **named):
        calls.append(arguments)
        if len(calls) == call + 1:
            raise AwayError("Kafka is away")
        return ask(*arguments, **named)

    monkeypatch.setattr(admin, failing, away)
    pulse = Pulse(admin, broker.ask, clock, HeartbeatRule(silence_ms=5_000), "g")
    for _ in range(8):
        assert pulse.due(("a",), ["b"]) == [], "the group has not passed what is in its input"
        clock.sleep(2.0)
    assert len(calls) > call, "the broker was asked again after it had been away"
    broker.group("g").offsets[A] = 3
    found = []
    for _ in range(8):
        found += pulse.due(("a",), ["b"])
        clock.sleep(2.0)
    assert {due.partition for due in found} == {B}
