import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.probe import parse_brokers


def response(brokers):
    body = struct.pack(">ii", 7, len(brokers))
    for node, host, port, rack in brokers:
        name = host.encode()
        body += struct.pack(">ih", node, len(name)) + name + struct.pack(">i", port)
        body += struct.pack(">h", -1) if rack is None else struct.pack(">h", len(rack)) + rack.encode()
    return body + b"\0\0\0\1\0\0\0\0"


racks = st.none() | st.text("ab", max_size=3)
rows = st.tuples(st.integers(0, 9), st.text("host.", max_size=9), st.integers(1, 65535), racks)


@given(st.lists(rows, max_size=4))
def test_every_broker_of_a_metadata_response_is_read(brokers):
    assert parse_brokers(response(brokers)) == [broker[:3] for broker in brokers]


def test_a_response_that_is_cut_short_is_refused():
    with pytest.raises(struct.error):
        parse_brokers(response([(1, "h", 9092, None)])[:12])
