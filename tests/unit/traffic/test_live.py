import asyncio
import json

import pytest

from payments.simulator import CLICKS, TRANSACTIONS, Arrival, Flaw
from traffic.ledger import Ack, Ledger
from traffic.live import LiveTraffic, outcome_of
from traffic.senders import AwayError, Refusal, send_until_answered

EVENT_IDS = {TRANSACTIONS: "transaction_id", CLICKS: "click_id"}


class Gateway:
    """A sender that answers from a script; an exception in it is raised."""

    def __init__(self, name, *script):
        self.name = name
        self.script = list(script)
        self.sent = []

    async def send(self, topic, value):
        self.sent.append(value)
        answer = self.script.pop(0) if self.script else Ack(0, len(self.sent))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self):
        pass


def arrival(due_ms, number=0, flaw=None):
    return Arrival(due_ms, TRANSACTIONS, {"transaction_id": f"x{number}"}, flaw)


class Time:
    """Milliseconds that pass as the event loop waits, a thousand times as fast."""

    def __init__(self, monkeypatch):
        self.now = 0
        self.slept = []
        real = asyncio.sleep

        async def sleep(seconds):
            self.slept.append(seconds)
            self.now += seconds * 1000
            await real(0)

        monkeypatch.setattr("traffic.live.asyncio.sleep", sleep)


@pytest.fixture
def time(monkeypatch):
    return Time(monkeypatch)


async def run(time, tmp_path, senders, arrivals, until_ms):
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        traffic = LiveTraffic(senders, ledger, EVENT_IDS, lambda: int(time.now))
        await traffic.run(iter(arrivals), until_ms)
    lines = (tmp_path / "ledger.jsonl").read_text().splitlines()
    return traffic.tally, [json.loads(line) for line in lines]


async def test_each_event_is_sent_when_it_is_due_by_the_senders_in_turn(time, tmp_path):
    one, other = Gateway("http"), Gateway("grpc")
    tally, ledger = await run(time, tmp_path, [one, other], [arrival(10 * i, i) for i in range(4)], 100)
    assert [len(one.sent), len(other.sent)] == [2, 2]
    assert [line["sent_ms"] for line in ledger] == [0, 10, 20, 30]
    assert tally.total("acknowledged") == 4
    assert time.now == 30


async def test_nothing_is_sent_from_the_end_on(time, tmp_path):
    gateway = Gateway("http")
    await run(time, tmp_path, [gateway], [arrival(10, 1), arrival(50, 2)], 50)
    assert [value["transaction_id"] for value in gateway.sent] == ["x1"]
    assert time.now == 50


async def test_the_ledger_holds_what_was_acknowledged_and_nothing_else(time, tmp_path):
    gateway = Gateway("http", Ack(2, 77), Refusal("400", "no customer_id"))
    tally, ledger = await run(time, tmp_path, [gateway], [arrival(0, 1), arrival(1, 2, Flaw.MALFORMED)], 10)
    assert ledger == [{"topic": TRANSACTIONS, "partition": 2, "offset": 77, "event_id": "x1", "sent_ms": 0}]
    assert tally.line()["refused"] == 1


async def test_an_event_is_sent_again_until_it_is_answered(time, tmp_path):
    gateway = Gateway("http", AwayError("503", 2.0), AwayError("connection reset"), Ack(0, 5))
    tally, ledger = await run(time, tmp_path, [gateway], [arrival(0, 1)], 10)
    assert len(ledger) == 1
    assert tally.retries == 2


async def test_the_gateways_wish_is_honoured_and_else_the_wait_doubles():
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    script = [AwayError("503", 2.5), *[AwayError("reset") for _ in range(8)], Ack(0, 1)]
    await send_until_answered(Gateway("http", *script), TRANSACTIONS, {}, sleep=sleep)
    assert waits == [2.5, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("answer", "flaw", "outcome"),
    [
        (Ack(0, 1), None, "acknowledged"),
        (Ack(0, 1), Flaw.RETRY, "acknowledged"),
        (Refusal("400", ""), Flaw.MALFORMED, "refused"),
        (Refusal("400", ""), None, "unexpected"),
        (Ack(0, 1), Flaw.MALFORMED, "unexpected"),
    ],
)
def test_what_was_meant_to_be_refused_is_expected_to_be(answer, flaw, outcome):
    assert outcome_of(answer, arrival(0, 0, flaw)) == outcome
