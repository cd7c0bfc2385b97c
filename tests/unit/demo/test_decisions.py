from types import SimpleNamespace

import pytest

from demo.decisions import ALERTS, DECISIONS, DecisionWatch
from streamkit.errors import DeadLetterError, RetryableError
from streamkit.headers import HOPS
from streamkit.records import Record


class Consumer:
    """Gives each answer once, or raises it; then ends the watch."""

    def __init__(self, answers, watch):
        self.answers, self.watch, self.closed = list(answers), watch, False

    def assign(self, ends):
        pass

    def consume(self, most, wait_s):
        if most > 1:
            return SimpleNamespace(records=[])
        if not self.answers:
            self.watch._stopping.set()
            return SimpleNamespace(records=[])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(records=answer)

    def close(self):
        self.closed = True


class Decoder:
    def decode(self, value):
        if value == b"bad":
            raise DeadLetterError("cannot be decoded", reason="undecodable")
        return {"value": value}


def alert(value):
    return Record(ALERTS, 0, 0, 0, None, value, ())


@pytest.fixture
def watch():
    """`watch(answers...)` runs a watch over them to its end and gives it."""

    def run(*answers):
        watch = DecisionWatch(SimpleNamespace(broker=SimpleNamespace()))
        consumer = Consumer(answers, watch)
        watch._platform.broker.consumer = lambda: consumer
        watch._ends, watch._alerts = {}, Decoder()
        watch._run()
        assert consumer.closed
        return watch

    return run


def test_a_record_that_cannot_be_decoded_is_told_and_the_next_one_is_read(watch):
    ran = watch([alert(b"bad"), alert(b"good")])
    assert "cannot be decoded" in ran.problem
    assert [each["value"] for each in ran.seen.alerts] == [b"good"]
    assert not ran.ended


def test_hop_times_that_are_none_cost_nothing_but_that_record_s_latency(watch):
    odd = Record(DECISIONS, 0, 0, 0, None, b"odd", ((HOPS, b"junk,fraud_scorer=5"),))
    ran = watch([odd, alert(b"good")])
    assert (ran.problem, ran.ended, ran.seen.live) == (None, False, 0)
    assert len(ran.seen.alerts) == 1


def test_it_goes_on_when_kafka_was_away(watch):
    ran = watch(RetryableError("away"), [alert(b"good")])
    assert len(ran.seen.alerts) == 1
    assert not ran.ended


def test_an_end_that_nobody_asked_for_is_told(watch):
    ran = watch(KeyError("event_time"), [alert(b"good")])
    assert ran.ended
    assert "KeyError('event_time')" in ran.problem
