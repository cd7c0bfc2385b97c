import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.headers import HEARTBEAT, HOPS, SIDE, SOURCE
from streamkit.records import Record, TopicPartition
from streamkit.replay.recorded import Recorded, side_partition


def written(partition, offset, side, *extra, hops=b"gateway=1,enricher=2"):
    headers = [(SOURCE, b"t@id/%d/%d" % (partition, offset)), *extra]
    headers += [(SIDE, side)] if side else []
    return Record("out", 0, 0, 0, None, None, (*headers, (HOPS, hops)))


@given(st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 2**40)), st.integers(0, 5)), st.randoms())
def test_the_vector_of_each_source_is_found_in_whatever_order_it_was_written(vectors, random):
    noted = list(vectors.items())
    random.shuffle(noted)
    recorded = Recorded()
    recorded.take((written(*place, b'{"s-0":%d}' % n if n else None) for place, n in noted), "enricher")
    recorded.seal()
    assert len(recorded) == len(vectors)
    for (partition, offset), number in vectors.items():
        found = recorded.number(b"t@id/%d/%d" % (partition, offset))
        assert recorded.vector(found) == ({"s-0": number} if number else {})
    assert recorded.number(b"t@id/9/1") is None
    assert recorded.number(b"other@id/0/1") is None


def test_what_another_service_wrote_and_heartbeats_say_nothing():
    recorded = Recorded()
    others = [
        written(0, 1, b"{}", hops=b"gateway=1,enricher=2,fraud_scorer=3"),
        written(0, 2, b"{}", (HEARTBEAT, b"1")),
        Record("out", 0, 0, 0, None, None, ((HOPS, b"enricher=1"),)),
    ]
    recorded.take(others, "enricher")
    recorded.seal()
    assert len(recorded) == 0


@pytest.mark.parametrize("junk", [b"", b"junk", b"t@id/0/x", b"t@id/0/-1", b"t@id/0/" + b"9" * 5000])
def test_a_source_that_is_none_is_noted_nowhere_and_costs_the_others_nothing(junk):
    recorded = Recorded()
    odd = Record("out", 0, 0, 0, None, None, ((SOURCE, junk), (HOPS, b"enricher=2")))
    recorded.take([odd, written(0, 7, b'{"s-0":1}')], "enricher")
    recorded.seal()
    assert len(recorded) == 1
    assert recorded.number(junk) is None
    assert recorded.vector(recorded.number(b"t@id/0/7")) == {"s-0": 1}


def test_an_entry_of_a_vector_names_a_partition():
    assert side_partition("cdc.bank.a-b-12") == TopicPartition("cdc.bank.a-b", 12)
