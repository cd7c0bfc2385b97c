"""Lengths of time as declarations write them: a whole number and a unit, such as `500ms`, `5s`, `2h`."""

import re
from typing import Annotated

from pydantic import BeforeValidator

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TEXT = re.compile(r"(0|[1-9][0-9]*)(ms|s|m|h|d)")


def parse(text: object) -> int:
    """Return the milliseconds that `text` stands for; raises ValueError when it is no length of time."""
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"got {text!r}, expected a number and a unit, such as 500ms, 5s, 1m, 2h or 1d")
    return int(match[1]) * _UNITS_MS[match[2]]


Milliseconds = Annotated[int, BeforeValidator(parse)]
"""A pydantic field that is written as text and held as milliseconds."""
