"""What librdkafka writes, byte for byte, and what is asked of the broker with it."""

import sys

import pytest
from confluent_kafka import Consumer

from streamkit.errors import StopError
from streamkit.kafka.place import Place, offsets_request, place_of
from streamkit.records import TopicPartition


def written(generation, rest, mark=b"CGMDv2:"):
    return mark + generation.to_bytes(4, sys.byteorder, signed=True) + rest


STATIC = written(7, b"g\0m-1\0\0inst\0")
DYNAMIC = written(7, b"g\0m-1\0\1")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (STATIC, Place("g", 7, "m-1", "inst")),
        (DYNAMIC, Place("g", 7, "m-1", "")),
        (written(-1, b"g\0\0\1"), Place("g", -1, "", "")),
        (written(0, b"g\0m\0\0i\0"), Place("g", 0, "m", "i")),
        (written(2**31 - 1, b"g.a-b\0m\0\1"), Place("g.a-b", 2**31 - 1, "m", "")),
        (written(7, "gä\0mö\0\0ü\0".encode()), Place("gä", 7, "mö", "ü")),
    ],
)
def test_the_place_is_read_from_what_librdkafka_writes(content, place):
    assert place_of(content) == place


def test_zero_bytes_of_a_generation_are_no_end_of_a_text():
    for generation in (0, 256, 65536, -256):
        assert place_of(written(generation, b"g\0m\0\1")) == Place("g", generation, "m", "")


@pytest.mark.parametrize(("settings", "instance"), [({}, ""), ({"group.instance.id": "slot-1"}, "slot-1")])
def test_the_client_of_today_writes_this_form(settings, instance):
    consumer = Consumer({"group.id": "payments", **settings})
    try:
        assert place_of(consumer.consumer_group_metadata()) == Place("payments", -1, "", instance)
    finally:
        consumer.close()


@pytest.mark.parametrize(
    "content",
    [
        written(7, b"g\0m-1\0\1", mark=b"CGMDv1:"),
        written(7, b"g\0m-1\0\1", mark=b"CGMDv3:"),
        written(7, b"g\0"),
        b"",
        b"CGMDv2",
        None,
        "CGMDv2:",
        bytearray(STATIC),
        object(),
    ],
)
def test_another_form_stops_with_the_remedy(content):
    with pytest.raises(StopError, match=r"unknown form.*lock file"):
        place_of(content)


POSITIONS = {TopicPartition("b", 1): 5, TopicPartition("a", 0): 0, TopicPartition("b", 0): 2**40}


def test_a_request_holds_every_position_under_its_topic():
    group, request = offsets_request("slot-1", (4711, 6), POSITIONS, STATIC)
    assert group == "g"
    found = {
        topic.name: [(p.partition_index, p.committed_offset, p.committed_metadata) for p in topic.partitions]
        for topic in request.topics
    }
    assert found == {"b": [(1, 5, None), (0, 2**40, None)], "a": [(0, 0, None)]}
    assert len(request.topics) == 2


def test_a_request_names_the_producer_and_the_members_place():
    _, request = offsets_request("slot-1", (4711, 6), POSITIONS, STATIC)
    assert (request.transactional_id, request.producer_id, request.producer_epoch) == ("slot-1", 4711, 6)
    assert (request.group_id, request.generation_id) == ("g", 7)
    assert (request.member_id, request.group_instance_id) == ("m-1", "inst")


def test_a_member_without_an_instance_has_none_in_the_request():
    _, request = offsets_request("slot-1", (4711, 6), POSITIONS, DYNAMIC)
    assert request.member_id == "m-1"
    assert request.group_instance_id is None


def test_no_request_is_made_of_an_unknown_form():
    with pytest.raises(StopError, match="unknown form"):
        offsets_request("slot-1", (4711, 6), POSITIONS, b"m-1")
