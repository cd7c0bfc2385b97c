import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit import headers
from streamkit.errors import DeadLetterError
from streamkit.headers import HEARTBEAT, HOPS, SIDE, SOURCE, TENANT, Source, carried, with_hop
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


@pytest.mark.parametrize(
    "junk",
    [b"junk", b"", b"\xff\xfe", b"a=", b"a=1.5", b"a=-1", b"a=\xd9\xa1", b"=5", b"a=" + b"9" * 5000, b",="],
)
def test_what_is_no_hop_time_is_left_out(junk):
    assert headers.hop_times(((HOPS, junk),)) == {}
    both = with_hop(((HOPS, junk),), headers.hop("enricher", 9))
    assert headers.hop_times(both) == {"enricher": 9}


@pytest.mark.parametrize(
    ("pairs", "tenant"),
    [((), None), (((TENANT, b""),), None), (((TENANT, "café".encode()),), "café")],
)
def test_the_tenant_is_the_gateway_s_word_if_it_gave_one(pairs, tenant):
    assert headers.tenant_of(record(*pairs)) == tenant


def test_a_tenant_that_is_no_text_is_the_record_s_fault_and_shown_in_part():
    with pytest.raises(
        DeadLetterError, match=r"kapstan-tenant is b'\\xff\\xfe', expected .* gateway"
    ) as raised:
        headers.tenant_of(record((TENANT, b"\xff\xfe")))
    assert raised.value.reason == "bad_header"
    with pytest.raises(DeadLetterError) as raised:
        headers.tenant_of(record((TENANT, b"\xff" * 1_000_000)))
    assert len(str(raised.value)) < 1000


def test_the_first_of_a_name_counts():
    assert headers.find((("a", b"1"), ("a", b"2")), "a") == b"1"
    assert record(("a", b"1"), ("a", b"2")).header("a") == b"1"
    assert record().header("a") is None


def test_a_heartbeat_is_known_by_its_header():
    assert headers.is_heartbeat(((HEARTBEAT, b""),))
    assert not headers.is_heartbeat(((SOURCE, b""),))
