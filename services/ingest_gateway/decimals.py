"""Decimals as producers write them: text or a number, to the integer that Avro stores."""

import re
from decimal import Decimal
from typing import Final

from services.ingest_gateway.errors import MisfitError

_TEXT: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
# Far more than any precision in use; keeps the arithmetic on hostile text short.
_LONGEST: Final = 1000
# A JSON number went through a binary float; up to 15 digits survive that (IEEE 754 double).
_FLOAT_DIGITS: Final = 15


def unscaled(value: object, scale: int) -> int:
    """Return a decimal as an integer in units of 10**-scale; raises MisfitError when it is not exact.

    Text and whole numbers are exact. A number with a fraction has been a binary float on its way, so it is
    taken only while it has so few digits that it cannot have changed.
    """
    number = _number(value)
    sign, digits, exponent = number.as_tuple()
    # _number lets no NaN or infinity through, whose exponents are letters.
    shift = int(exponent) + scale
    whole = int("".join(map(str, digits)))
    if shift >= 0:
        whole *= _power(shift)
    else:
        whole, rest = divmod(whole, _power(-shift))
        if rest:
            raise MisfitError(f"at most {scale} digits after the point")
    return -whole if sign else whole


def _power(exponent: int) -> int:
    power: int = 10**exponent
    return power


def _number(value: object) -> Decimal:
    if type(value) is str:
        if len(value) > _LONGEST or _TEXT.fullmatch(value) is None:
            raise MisfitError('a number or text such as "12.50"')
        return Decimal(value)
    if type(value) is int:
        return Decimal(value)
    if type(value) is not float or value - value != 0:  # the difference is NaN for NaN and the infinities
        raise MisfitError
    number = Decimal(repr(value))
    if len(number.normalize().as_tuple().digits) > _FLOAT_DIGITS:
        raise MisfitError(f"text, because a number of more than {_FLOAT_DIGITS} digits loses some on its way")
    return number
