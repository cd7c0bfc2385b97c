import io

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest_gateway.errors import MisfitError
from services.ingest_gateway.leaves import LENGTHS, encoder_of, long_bytes
from services.ingest_gateway.schema import Leaf

EDGES = [
    n + d
    for bits in (6, 13, 20, 27, 34, 41, 48, 62, 63)
    for n in (1 << bits, -(1 << bits))
    for d in (-1, 0, 1)
]


@given(st.one_of(st.sampled_from(EDGES), st.integers(-(2**63), 2**63 - 1)))
def test_a_long_is_written_as_the_library_writes_it(number: int) -> None:
    if not -(2**63) <= number < 2**63:
        return
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", number)
    assert long_bytes(number) == out.getvalue()


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, -(2**64), 2**200, -(2**200)])
def test_more_than_64_bits_is_refused(number: int) -> None:
    with pytest.raises(MisfitError):
        long_bytes(number)


def test_the_table_of_lengths_is_the_long_of_its_index() -> None:
    assert all(encoded == long_bytes(length) for length, encoded in enumerate(LENGTHS))


def test_a_rule_names_what_is_broken() -> None:
    with pytest.raises(MisfitError, match=r"between -2\^31"):
        encoder_of(Leaf("int"))(2**31)
    with pytest.raises(MisfitError, match="exactly 4 bytes"):
        encoder_of(Leaf("fixed", size=4))("YQ==")
    with pytest.raises(MisfitError, match="finite"):
        encoder_of(Leaf("double"))(float("nan"))
