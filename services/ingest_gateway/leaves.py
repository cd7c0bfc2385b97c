"""Encoders of values without parts: JSON value in, Avro binary out (Avro 1.12, "Binary Encoding").

Each takes what JSON can hold (None, bool, int, float, str) and raises MisfitError for what does not fit.
They serve both paths: the compiled encoder calls them, and the explainer calls them to learn the rule broken.
"""

import binascii
import re
import struct
from collections.abc import Callable, Sequence
from typing import Final

from services.ingest_gateway import temporal
from services.ingest_gateway.decimals import unscaled
from services.ingest_gateway.errors import MisfitError
from services.ingest_gateway.schema import INTEGERS, Enum, Leaf

LeafEncoder = Callable[[object], bytes]

_DOUBLE = struct.Struct("<d").pack
_FLOAT = struct.Struct("<f").pack
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")


def _varint(unsigned: int) -> bytes:
    out = bytearray()
    while unsigned > 0x7F:
        out.append((unsigned & 0x7F) | 0x80)
        unsigned >>= 7
    out.append(unsigned)
    return bytes(out)


_LAST: Final = [_varint(n) for n in range(1 << 14)]
_MORE: Final = [bytes(((n & 0x7F) | 0x80, (n >> 7) | 0x80)) for n in range(1 << 14)]
LENGTHS: Final[Sequence[bytes]] = [_varint(n << 1) for n in range(1 << 13)]
"""The encoded length of a string or array by its length; `long_bytes` serves longer ones."""


def long_bytes(number: int) -> bytes:
    """Return the zigzag varint of an integer, by tables of 14 bits because timestamps take six bytes.

    Raises MisfitError beyond 64 bits. The caller has made sure that `number` is an int.
    """
    zigzag = (number << 1) ^ (number >> 63)
    if zigzag < 1 << 14:
        return _LAST[zigzag]
    if zigzag < 1 << 28:
        return _MORE[zigzag & 0x3FFF] + _LAST[zigzag >> 14]
    if zigzag < 1 << 42:
        return _MORE[zigzag & 0x3FFF] + _MORE[(zigzag >> 14) & 0x3FFF] + _LAST[zigzag >> 28]
    if zigzag >> 64:
        raise MisfitError("between -2^63 and 2^63-1")
    return _varint(zigzag)


def encoder_of(node: Leaf | Enum) -> LeafEncoder:
    """Return the encoder of a leaf or enum. What it returns raises MisfitError for other values."""
    if isinstance(node, Enum):
        return _enum(node)
    if node.logical == "decimal":
        return _decimal(node)
    if node.logical == "uuid":
        return _uuid_fixed if node.kind == "fixed" else _uuid_string
    if node.logical is not None:
        return _TEMPORAL[node.logical]
    if node.bounds is not None:
        return _ranged(node.bounds, "between {} and {}".format(*node.bounds))
    return _fixed(node.size) if node.kind == "fixed" else _PLAIN[node.kind]


def timestamp_range(node: Leaf) -> tuple[int, int]:
    """Return the least and the greatest number that a timestamp type takes, in its own unit."""
    unit = 1000 if str(node.logical).endswith("millis") else 1
    return temporal.FIRST_MICRO // unit, temporal.LAST_MICRO // unit


def _integer(value: object) -> int:
    if type(value) is not int:  # bool is an int to Python and is none to Avro
        raise MisfitError
    return value


def _null(value: object) -> bytes:
    if value is not None:
        raise MisfitError
    return b""


def _boolean(value: object) -> bytes:
    if type(value) is not bool:
        raise MisfitError
    return b"\x01" if value else b"\x00"


def _ranged(bounds: tuple[int, int], rule: str) -> LeafEncoder:
    low, high = bounds

    def encode(value: object) -> bytes:
        number = _integer(value)
        if not low <= number <= high:
            raise MisfitError(rule)
        return long_bytes(number)

    return encode


def _real(pack: Callable[[float], bytes]) -> LeafEncoder:
    def encode(value: object) -> bytes:
        if type(value) is not float and type(value) is not int:
            raise MisfitError
        if value - value != 0:  # true of NaN and the infinities only
            raise MisfitError("a finite number")
        try:
            return pack(value)
        except (OverflowError, struct.error):
            raise MisfitError("within the range of the type") from None

    return encode


def _text(value: object) -> str:
    if type(value) is not str:
        raise MisfitError
    return value


def _with_length(raw: bytes) -> bytes:
    return long_bytes(len(raw)) + raw


def _string(value: object) -> bytes:
    try:
        return _with_length(_text(value).encode())
    except UnicodeEncodeError:
        raise MisfitError("well-formed Unicode") from None


def _base64(value: object) -> bytes:
    try:
        return binascii.a2b_base64(_text(value), strict_mode=True)
    except ValueError as error:
        if isinstance(error, MisfitError):
            raise
        raise MisfitError("base64 with padding (RFC 4648)") from None


def _bytes(value: object) -> bytes:
    return _with_length(_base64(value))


def _fixed(size: int) -> LeafEncoder:
    def encode(value: object) -> bytes:
        raw = _base64(value)
        if len(raw) != size:
            raise MisfitError(f"exactly {size} bytes")
        return raw

    return encode


def _uuid_string(value: object) -> bytes:
    text = _text(value)
    if _UUID.fullmatch(text) is None:
        raise MisfitError("such as 123e4567-e89b-12d3-a456-426614174000")
    return _with_length(text.encode())


def _uuid_fixed(value: object) -> bytes:
    text = _text(value)
    if _UUID.fullmatch(text) is None:
        raise MisfitError("such as 123e4567-e89b-12d3-a456-426614174000")
    return bytes.fromhex(text.replace("-", ""))


def _enum(node: Enum) -> LeafEncoder:
    table = {symbol: long_bytes(index) for index, symbol in enumerate(node.symbols)}

    def encode(value: object) -> bytes:
        encoded = table.get(value) if type(value) is str else None
        if encoded is None:
            raise MisfitError
        return encoded

    return encode


def _temporal(parse: Callable[[str], int], bounds: tuple[int, int], divisor: int = 1) -> LeafEncoder:
    low, high = bounds

    def encode(value: object) -> bytes:
        number = parse(value) // divisor if type(value) is str else _integer(value)
        if not low <= number <= high:
            raise MisfitError("within the range of the type (dates: years 1 to 9999)")
        return long_bytes(number)

    return encode


def _decimal(node: Leaf) -> LeafEncoder:
    precision, scale, size = node.precision, node.scale, node.size
    limit = 10**precision

    def encode(value: object) -> bytes:
        number = unscaled(value, scale)
        if not -limit < number < limit:
            raise MisfitError(f"at most {precision} digits")
        length = size or (number + (number < 0)).bit_length() // 8 + 1
        try:
            raw = number.to_bytes(length, "big", signed=True)
        except OverflowError:
            raise MisfitError(f"no more than fits into {size} bytes") from None
        return raw if size else _with_length(raw)

    return encode


_PLAIN: Final = {
    "null": _null,
    "boolean": _boolean,
    "int": _ranged(INTEGERS["int"], "between -2^31 and 2^31-1"),
    "long": _ranged(INTEGERS["long"], "between -2^63 and 2^63-1"),
    "float": _real(_FLOAT),
    "double": _real(_DOUBLE),
    "bytes": _bytes,
    "string": _string,
}

_MICROS: Final = (temporal.FIRST_MICRO, temporal.LAST_MICRO)
_MILLIS: Final = (temporal.FIRST_MICRO // 1000, temporal.LAST_MICRO // 1000)
_TEMPORAL: Final = {
    "date": _temporal(temporal.days_of_date, (temporal.FIRST_DAY, temporal.LAST_DAY)),
    "time-millis": _temporal(temporal.micros_of_time, (0, temporal.MICROS_PER_DAY // 1000 - 1), 1000),
    "time-micros": _temporal(temporal.micros_of_time, (0, temporal.MICROS_PER_DAY - 1)),
    "timestamp-millis": _temporal(temporal.micros_of_timestamp, _MILLIS, 1000),
    "timestamp-micros": _temporal(temporal.micros_of_timestamp, _MICROS),
    "local-timestamp-millis": _temporal(temporal.micros_of_local_timestamp, _MILLIS, 1000),
    "local-timestamp-micros": _temporal(temporal.micros_of_local_timestamp, _MICROS),
}
