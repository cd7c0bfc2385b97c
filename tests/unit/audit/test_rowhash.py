import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import audit.rowhash
from audit.rowhash import row_hashes

WORDS = st.lists(st.none() | st.binary(max_size=12), max_size=40)
INNER = pa.struct([("code", pa.string()), ("n", pa.int64())])
NESTED = pa.struct([("tags", pa.list_(INNER)), ("seen", pa.map_(pa.string(), pa.float64()))])
ROWS = st.lists(
    st.none()
    | st.fixed_dictionaries(
        {
            "tags": st.none()
            | st.lists(
                st.none()
                | st.fixed_dictionaries(
                    {"code": st.none() | st.text(max_size=3), "n": st.none() | st.integers(0, 3)}
                ),
                max_size=3,
            ),
            "seen": st.none()
            | st.lists(st.tuples(st.sampled_from("ab"), st.none() | st.floats(allow_nan=False)), max_size=2),
        }
    ),
    max_size=20,
)


def hashes(**columns):
    rows = len(next(iter(columns.values())))
    return row_hashes(columns, rows).tolist()


@given(WORDS)
def test_values_are_equal_when_their_hashes_are(values):
    found = hashes(a=pa.array(values, pa.binary()))
    for one, first in zip(values, found, strict=True):
        for other, second in zip(values, found, strict=True):
            assert (one == other) is (first == second)


@given(ROWS)
def test_nested_values_are_equal_when_their_hashes_are(values):
    column = pa.array(values, NESTED)
    found, told = hashes(a=column), [plain(each) for each in column.to_pylist()]
    for one, first in zip(told, found, strict=True):
        for other, second in zip(told, found, strict=True):
            assert (one == other) is (first == second), (one, other)


def plain(value):
    """A value as it counts: what is null inside is absent."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return repr(value)  # 0.0 is not -0.0


@given(ROWS, st.integers(0, 20), st.integers(0, 20))
def test_a_part_of_a_column_has_the_hashes_of_that_part(values, start, size):
    column = pa.array(values, NESTED)
    assert hashes(a=column.slice(start, size)) == hashes(a=column)[start : start + size]


@given(WORDS, st.integers(1, 30))
def test_the_size_of_the_pieces_does_not_matter(values, piece):
    column = pa.array(values, pa.binary())
    whole = hashes(a=column)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit.rowhash, "_PIECE", piece)
        assert hashes(a=column) == whole


def test_columns_are_known_by_name_not_by_order():
    one, other = pa.array(["x", "y"]), pa.array(["y", "x"])
    assert hashes(a=one, b=other) == hashes(b=other, a=one)
    assert hashes(a=one, b=other) != hashes(a=other, b=one)


def test_a_column_of_nulls_is_as_if_it_were_not_there():
    column = pa.array(["x", "y"])
    assert hashes(a=column, new=pa.nulls(2, pa.string())) == hashes(a=column)
    assert hashes(a=column, new=pa.array([None, ""])) != hashes(a=column)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (pa.array([1, -2], pa.int32()), pa.array([1, -2], pa.int64())),
        (pa.array([0.1, 2], pa.float32()), pa.array([0.1, 2], pa.float32()).cast(pa.float64())),
        (pa.array(["x", "é"]), pa.array(["x", "é"], pa.large_string())),
        (pa.array(["x", "x"]), pa.array(["x", "x"]).dictionary_encode()),
        (pa.array([1, 2], pa.timestamp("ms", "UTC")), pa.array([1000, 2000], pa.timestamp("us", "UTC"))),
        (pa.array([1, 2], pa.time32("ms")), pa.array([1000, 2000], pa.time64("us"))),
        (
            pa.array([decimal.Decimal("1.50")] * 2, pa.decimal128(5, 2)),
            pa.array([decimal.Decimal("1.50")] * 2, pa.decimal128(9, 2)),
        ),
    ],
    ids=["int", "float", "text", "dictionary", "timestamp", "time", "decimal"],
)
def test_how_wide_a_value_is_held_does_not_matter(narrow, wide):
    assert hashes(a=narrow) == hashes(a=wide)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([True]), pa.array([False])),
        (pa.array([dt.date(2026, 1, 1)]), pa.array([dt.date(2026, 1, 2)])),
        (pa.array([0.0]), pa.array([-0.0])),
        (pa.array([2**62]), pa.array([-(2**62)])),
        (pa.array([[]], pa.list_(pa.int64())), pa.array([None], pa.list_(pa.int64()))),
        (pa.array([[None]], pa.list_(pa.int64())), pa.array([[]], pa.list_(pa.int64()))),
        (pa.array([["a", "b"]]), pa.array([["b", "a"]])),
        (pa.array([["ab"]]), pa.array([["a", "b"]])),
        (pa.array([b"a\0"]), pa.array([b"a"])),
    ],
)
def test_what_is_another_value_has_another_hash(one, other):
    assert hashes(a=one) != hashes(a=other)


def test_a_million_values_have_a_million_hashes():
    numbers = np.arange(1_000_000)
    texts = pa.array(numbers).cast(pa.string())
    assert np.unique(row_hashes({"a": texts, "b": pa.array(numbers % 7)}, numbers.size)).size == numbers.size
