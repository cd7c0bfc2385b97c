"""Every Avro type without parts: values as sent and as read back, and values that do not fit."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

Sent = Any
Read = Any
Pair = tuple[Sent, Read]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
DATETIMES = st.datetimes(timezones=st.just(UTC))
LOCAL = st.datetimes()
BASE64_8 = st.binary(min_size=8, max_size=8).map(lambda raw: (b64encode(raw).decode(), raw))
BASE64 = st.binary(max_size=9).map(lambda raw: (b64encode(raw).decode(), raw))
FINITE32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
FINITE64 = st.floats(allow_nan=False, allow_infinity=False)
INF, NAN = float("inf"), float("nan")


def millis(moment: datetime | time) -> Any:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def same(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Pair]:
    return values.map(lambda value: (value, value))


def timestamp(moment: datetime) -> st.SearchStrategy[Pair]:
    cut = millis(moment)
    number = (cut - EPOCH) // timedelta(milliseconds=1)
    return st.sampled_from(
        [(moment.isoformat(), cut), (moment.isoformat().replace("+00:00", "Z"), cut), (number, cut)]
    )


def day(date_: date) -> st.SearchStrategy[Pair]:
    return st.sampled_from([(date_.isoformat(), date_), ((date_ - date(1970, 1, 1)).days, date_)])


def decimals(precision: int, scale: int) -> st.SearchStrategy[Pair]:
    def pair(number: int) -> st.SearchStrategy[Pair]:
        value = Decimal(number).scaleb(-scale)
        whole = [(int(value), value)] if value == value.to_integral_value() else []
        return st.sampled_from([(f"{value:f}", value), *whole])

    return st.integers(-(10**precision) + 1, 10**precision - 1).flatmap(pair)


@dataclass(frozen=True)
class Kind:
    """A leaf type, its values, values that do not fit it, and the JSON kinds that it takes."""

    schema: Any
    values: st.SearchStrategy[Pair]
    wrong: tuple[Any, ...]
    kinds: frozenset[str]


def leaf(schema: Any, values: st.SearchStrategy[Pair], wrong: tuple[Any, ...], *kinds: str) -> Kind:
    return Kind(schema, values, wrong, frozenset(kinds))


def logical(base: Any, name: str, **more: int) -> dict[str, Any]:
    return {**(base if isinstance(base, dict) else {"type": base}), "logicalType": name, **more}


FIXED8 = {"type": "fixed", "name": "F", "size": 8}
FROM_10_TO_20 = {"type": "int", "minimum": 10, "maximum": 20}
AT_MOST_5 = {"type": "long", "maximum": 5}
LEAVES = (
    leaf("null", st.just((None, None)), (0, "null", {}, []), "null"),
    leaf("boolean", same(st.booleans()), (0, "true", None), "boolean"),
    leaf(FROM_10_TO_20, same(st.integers(10, 20)), ("15", 9, 21, True, None), "number"),
    leaf(AT_MOST_5, same(st.integers(-(2**63), 5)), (6, 2.0, -(2**63) - 1, None), "number"),
    leaf(
        "int", same(st.integers(-(2**31), 2**31 - 1)), ("1", 1.5, True, None, 2**31, -(2**31) - 1), "number"
    ),
    leaf(
        "long", same(st.integers(-(2**63), 2**63 - 1)), ("1", 1.0, False, 2**63, -(2**63) - 1, []), "number"
    ),
    leaf("float", same(FINITE32), ("1", True, 1e39, 10**400), "number"),
    leaf("double", same(FINITE64), ("1", None, NAN, INF, 10**400), "number"),
    leaf("string", same(TEXT), (1, None, True, {}, ["a"], "\ud800"), "text"),
    leaf("bytes", BASE64, (1, "a b", "YQ", "é"), "text"),
    leaf(FIXED8, BASE64_8, ("YQ==", 8, None), "text"),
    leaf(
        {"type": "enum", "name": "E", "symbols": ["A", "B"]},
        same(st.sampled_from(["A", "B"])),
        ("C", "a", 0, []),
        "text",
    ),
    leaf(
        logical("bytes", "decimal", precision=9, scale=3),
        decimals(9, 3),
        ("1.2345", "1e7", 10**7, "x", None, 0.1234, NAN),
        "text",
        "number",
    ),
    leaf(
        logical(FIXED8, "decimal", precision=12, scale=0),
        decimals(12, 0),
        ("0.5", 1.5, 10**13, "Infinity"),
        "text",
        "number",
    ),
    leaf(
        logical("string", "uuid"),
        st.uuids().map(lambda u: (str(u), u)),
        ("x", 1, "123e4567e89b12d3a456426614174000"),
        "text",
    ),
    leaf(logical("int", "date"), st.dates().flatmap(day), ("2026-13-01", 10**7, 1.5, None), "text", "number"),
    leaf(
        logical("int", "time-millis"),
        st.times().map(lambda t: (t.isoformat(), millis(t))),
        ("25:00", -1, 86_400_000, "12:00Z"),
        "text",
        "number",
    ),
    leaf(
        logical("long", "time-micros"),
        st.times().map(lambda t: (t.isoformat(), t)),
        ("25:00", -1, 86_400_000_000, True),
        "text",
        "number",
    ),
    leaf(
        logical("long", "timestamp-millis"),
        DATETIMES.flatmap(timestamp),
        ("2026-11-21T10:00:00", "soon", 10**15, 1.5, None),
        "text",
        "number",
    ),
    leaf(
        logical("long", "timestamp-micros"),
        DATETIMES.map(lambda d: (d.isoformat(), d)),
        ("2026-11-21", 10**18, {}),
        "text",
        "number",
    ),
    leaf(
        logical("long", "local-timestamp-millis"),
        LOCAL.map(lambda d: (d.isoformat(), millis(d))),
        ("2026-11-21T10:00:00Z", 10**15),
        "text",
        "number",
    ),
)
SAMPLES = {
    "null": None,
    "boolean": True,
    "number": 5.5,
    "text": "~ nothing ~",
    "array": ["~"],
    "object": {"~": 1},
}
"""A value of each JSON kind that no generated type of another kind takes."""
