from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest_gateway.decimals import unscaled
from services.ingest_gateway.errors import MisfitError


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=4))
def test_text_is_exact(number: Any) -> None:
    assert unscaled(str(number), 4) == int(number.scaleb(4))


@pytest.mark.parametrize(
    ("sent", "scale", "number"),
    [("12.5", 2, 1250), ("-0.01", 2, -1), ("1e3", 0, 1000), ("+7.", 1, 70), (".5", 1, 5), ("0e-9", 2, 0),
     (12, 2, 1200), (12.5, 2, 1250), (0.1, 1, 1), (-0.0, 2, 0)],
)  # fmt: skip
def test_a_number_is_shifted_to_the_scale(sent: Any, scale: int, number: int) -> None:
    assert unscaled(sent, scale) == number


@pytest.mark.parametrize(
    "sent",
    ["", "12,5", "NaN", "Infinity", "0x1", "1_000", "\u0661", "1.255", "1e-3", "1" * 2000, None, True, [],
     0.1 + 0.2, float("nan"), float("-inf")],
)  # fmt: skip
def test_what_is_no_exact_decimal_of_the_scale_is_refused(sent: Any) -> None:
    with pytest.raises(MisfitError):
        unscaled(sent, 2)
