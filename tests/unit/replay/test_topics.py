"""Topics as stores, over a broker in memory: what belongs to a span, and what is left out."""

import pytest

from replay.compare import Pair, compare
from replay.entries import Place
from replay.topics import TopicStore, sources_of
from streamkit.errors import DeadLetterError
from streamkit.headers import HEARTBEAT, HOPS, SIDE, SOURCE
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.replay.plan import ReplayPlan
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker

IN, OUT = "in", "out"
CLOCK = ManualClock()


def decode(value):
    if value == b"poison":
        raise DeadLetterError("no Avro", reason="no_magic")
    return {"text": value.decode().removeprefix("schema 2: ")}


@pytest.fixture
def broker():
    broker = MemoryBroker()
    for topic in (IN, OUT, f"again.{OUT}"):
        broker.create_topic(topic, 2)
    return broker


def write(broker, topic, number, value, *headers, service=b"s", partition=0):
    source = (SOURCE, b"raw@id/0/%d" % number)
    hops = (HOPS, b"gateway=1,%s=%d" % (service, number))
    broker.producer().send(topic, b"k%d" % number, value, [source, *headers, hops], partition=partition)


def store(broker, topic=OUT, only=None):
    return TopicStore(topic, "s", decode, broker, CLOCK, only=only)


def test_heartbeats_and_what_another_service_wrote_are_left_out(broker):
    write(broker, OUT, 1, b"mine")
    write(broker, OUT, 2, b"theirs", service=b"t")
    write(broker, OUT, 3, b"beat", (HEARTBEAT, b"1"))
    assert [store(broker).entries().place(0), len(store(broker).entries())] == [Place(0, 0), 1]


def test_a_record_is_its_writer_s_whatever_its_hop_times_begin_with(broker):
    for number, service in enumerate((b"s", b"t")):
        hops = (HOPS, b"junk,%s=5" % service)
        broker.producer().send(OUT, b"k", b"x", [(SOURCE, b"raw@id/0/%d" % number), hops], partition=0)
    broker.producer().send(OUT, b"k", b"x", [(SOURCE, b"raw@id/0/2"), (HOPS, b"junk")], partition=0)
    found = store(broker).entries()
    assert [found.place(0), len(found)] == [Place(0, 0), 1]


def test_only_what_came_of_the_span_is_compared(broker):
    for number in range(6):
        write(broker, IN, number, b"x", partition=number % 2)
        write(broker, OUT, number, b"y")
    ids = {IN: broker.admin().topics([IN])[IN].topic_id}
    a, b = TopicPartition(IN, 0), TopicPartition(IN, 1)
    plan = ReplayPlan("s", Positions({a: 1, b: 0}), Positions({a: 3, b: 1}, ids))
    sources = sources_of(plan, broker, CLOCK, lambda _: None)
    found = store(broker, only=sources)
    assert len(sources) == 3
    entries = found.entries()
    assert {entries.place(row).offset for row in range(3)} == {2, 4, 1}


def test_a_record_without_a_source_is_its_own(broker):
    broker.producer().send(IN, b"k", b"x", partition=0)
    ids = {IN: broker.admin().topics([IN])[IN].topic_id}
    plan = ReplayPlan("s", Positions(), Positions({TopicPartition(IN, 0): 1}, ids))
    source = f"{IN}@{ids[IN]}/0/0".encode()
    broker.producer().send(OUT, b"k", b"y", [(SOURCE, source), (HOPS, b"s=1")], partition=0)
    assert len(store(broker, only=sources_of(plan, broker, CLOCK, lambda _: None)).entries()) == 1


def test_headers_offsets_and_encodings_do_not_matter_but_fields_do(broker):
    write(broker, OUT, 1, b"same")
    write(broker, OUT, 2, b"schema 2: same")
    write(broker, OUT, 3, b"before")
    write(broker, OUT, 4, b"poison")
    write(broker, f"again.{OUT}", 3, b"after", partition=1)
    write(broker, f"again.{OUT}", 4, b"poison", partition=1)
    write(broker, f"again.{OUT}", 2, b"same", partition=1)
    write(broker, f"again.{OUT}", 1, b"same", (SIDE, b"{}"), partition=1)
    found = compare(Pair(OUT, store(broker), store(broker, f"again.{OUT}")), 5)
    assert (found.equal, found.differing, found.missing, found.extra) == (3, 1, 0, 0)
    assert found.examples[0].about == "raw@id/0/3"
    assert found.examples[0].fields == (("/value/text", '"before"', '"after"'),)


def test_a_topic_that_does_not_exist_holds_nothing(broker):
    assert len(store(broker, "nowhere").entries()) == 0
