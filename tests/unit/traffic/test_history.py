import json
from pathlib import Path

import pytest

from payments.simulator import TRANSACTIONS, WorldParameters
from payments.simulator import history as simulated
from payments.simulator.world import DAY_MS, World
from streamkit.catalogue import Catalogue
from streamkit.headers import EVENT_ID, INGEST_MS, ORIGIN, TENANT, find
from streamkit.serde import AvroDecoder
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from traffic import history
from traffic.envelope import Envelope

SCHEMAS = Path(__file__).parents[3] / "schemas"
CATALOGUE = Catalogue.load(SCHEMAS)
END_MS = 20_000 * DAY_MS + DAY_MS // 2
WORLD = World.create(7, 20_000 - 64, WorldParameters(customers=40, terminals=400))


class OneSchema:
    """A registry that holds the transactions' schema under every id."""

    def schema(self, schema_id):
        return CATALOGUE[TRANSACTIONS].schema


@pytest.fixture
def broker():
    broker = MemoryBroker()
    for topic in history.TOPICS:
        broker.create_topic(topic, CATALOGUE[topic].spec.partitions)
    return broker


@pytest.fixture
def envelopes():
    return {topic: Envelope(CATALOGUE[topic], 1) for topic in history.TOPICS}


def arrivals():
    return simulated(WORLD, END_MS, 37)


def loaded(broker):
    return {topic: broker.records(topic) for topic in history.TOPICS}


def test_every_event_is_loaded_once(broker, envelopes):
    expected = list(arrivals())
    assert history.load(broker, envelopes, arrivals(), ManualClock()) == len(expected)
    found = {r.key + find(r.headers, EVENT_ID) for records in loaded(broker).values() for r in records}
    assert len(found) == len(expected)


def test_a_second_load_adds_nothing(broker, envelopes):
    history.load(broker, envelopes, arrivals(), ManualClock())
    before = loaded(broker)
    assert history.load(broker, envelopes, arrivals(), ManualClock()) == 0
    assert loaded(broker) == before


def test_a_load_cut_short_goes_on_behind_its_last_transaction(broker, envelopes, monkeypatch):
    monkeypatch.setattr(history, "BATCH", 100)

    def cut(events, _event_ms):
        if events >= 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        history.load(broker, envelopes, arrivals(), ManualClock(), cut)
    assert sum(history.loaded(broker).values()) == 300
    history.load(broker, envelopes, arrivals(), ManualClock())
    whole = MemoryBroker()
    for topic in history.TOPICS:
        whole.create_topic(topic, CATALOGUE[topic].spec.partitions)
    history.load(whole, envelopes, arrivals(), ManualClock())
    values = {topic: [(r.partition, r.value) for r in records] for topic, records in loaded(broker).items()}
    assert values == {t: [(r.partition, r.value) for r in records] for t, records in loaded(whole).items()}


def test_each_partition_is_in_event_time_order(broker, envelopes):
    history.load(broker, envelopes, arrivals(), ManualClock())
    decode = AvroDecoder(OneSchema(), CATALOGUE[TRANSACTIONS].schema).decode
    by_partition: dict[int, list[int]] = {}
    for record in broker.records(TRANSACTIONS):
        by_partition.setdefault(record.partition, []).append(decode(record.value)["event_time"])
    assert len(by_partition) == 4
    assert all(times == sorted(times) for times in by_partition.values())


def test_a_record_carries_what_the_gateway_writes_and_its_origin(broker, envelopes):
    clock = ManualClock(END_MS + 5)
    history.load(broker, envelopes, arrivals(), clock)
    record = broker.records(TRANSACTIONS)[0]
    assert record.timestamp_ms == END_MS + 5
    headers = dict(record.headers)
    assert headers[INGEST_MS] == b"%d" % (END_MS + 5)
    assert headers[TENANT] == b"default"
    assert headers[ORIGIN] == b"history"
    assert headers[EVENT_ID].startswith(b"h")


def test_a_scenario_is_drawn_up_once(tmp_path):
    from traffic.scenario import Scenario

    file = tmp_path / "data" / "scenario.json"
    first = Scenario.of(file, END_MS)
    assert Scenario.of(file, END_MS + DAY_MS) == first
    assert not first.finished
    first.after("loaded").keep(file)
    assert Scenario.of(file, END_MS + DAY_MS).finished == ("loaded",)
    assert json.loads(file.read_text())["history_end_ms"] == END_MS
    assert first.world().day_of(END_MS) == 64
