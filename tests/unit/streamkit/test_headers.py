import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit import headers
from streamkit.headers import HEARTBEAT, HOPS, SIDE, SOURCE, Source, carried, with_hop
from streamkit.records import Record


def record(*pairs):
    return Record("t", 0, 0, 0, None, None, pairs)


@given(
    st.text("abc.-v1", min_size=1),
    st.text("abcXYZ_-", min_size=1),
    st.integers(0, 99),
    st.integers(0, 2**60),
)
def test_a_source_comes_back(topic, topic_id, partition, offset):
    source = Source(topic, topic_id, partition, offset)
    assert headers.parse_source(headers.format_source(source)) == source


@pytest.mark.parametrize("raw", [b"", b"topic", b"t@id/1", b"t@id/x/1", b"t@a/b/1/2"])
def test_anything_else_is_no_source(raw):
    with pytest.raises(ValueError, match="not a source header"):
        headers.parse_source(raw)


def test_everything_is_carried_but_what_is_true_of_one_hop():
    one = record(("x", b"1"), (SIDE, b"{}"), (SOURCE, b"s"), (HEARTBEAT, b""), (HOPS, b"a=1"))
    assert carried(one) == (("x", b"1"), (SOURCE, b"s"), (HOPS, b"a=1"))


def test_extra_headers_replace_those_of_their_name():
    assert carried(record(("x", b"1"), ("y", b"2")), ("x", b"3")) == (("y", b"2"), ("x", b"3"))


def test_hop_times_gather_in_order_and_stand_last():
    first = with_hop((("x", b"1"),), headers.hop("gateway", 5))
    moved = (first[-1], first[0])
    assert with_hop(moved, headers.hop("enricher", 9)) == (("x", b"1"), (HOPS, b"gateway=5,enricher=9"))
    assert headers.hop_times(with_hop(moved, b"enricher=9")) == {"gateway": 5, "enricher": 9}
    assert headers.hop_times(()) == {}


def test_the_first_of_a_name_counts():
    assert headers.find((("a", b"1"), ("a", b"2")), "a") == b"1"
    assert record(("a", b"1"), ("a", b"2")).header("a") == b"1"
    assert record().header("a") is None


def test_a_heartbeat_is_known_by_its_header():
    assert headers.is_heartbeat(((HEARTBEAT, b""),))
    assert not headers.is_heartbeat(((SOURCE, b""),))
