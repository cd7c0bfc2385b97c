import pytest

from services.ingest_gateway import temporal
from services.ingest_gateway.errors import MisfitError


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2026-11-21T10:00:00.5Z", 1_795_255_200_500_000),
        ("2026-11-21 10:00:00+00:00", 1_795_255_200_000_000),
    ],
)
def test_a_timestamp_is_read_in_its_zone(text: str, micros: int) -> None:
    assert temporal.micros_of_timestamp(text) == micros


@pytest.mark.parametrize("text", ["", "soon", "2026-11-21T10:00:00", "2026-11-21", "2026-02-30T00:00:00Z"])
def test_a_timestamp_without_a_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(MisfitError):
        temporal.micros_of_timestamp(text)


def test_a_local_timestamp_has_no_zone() -> None:
    assert temporal.micros_of_local_timestamp("1970-01-02T00:00:00") == temporal.MICROS_PER_DAY
    with pytest.raises(MisfitError, match="no zone"):
        temporal.micros_of_local_timestamp("1970-01-02T00:00:00Z")


def test_a_time_of_day_has_no_zone_either() -> None:
    assert temporal.micros_of_time("00:00:01.000002") == 1_000_002
    for text in ("24:61", "10:00Z", "noon"):
        with pytest.raises(MisfitError):
            temporal.micros_of_time(text)


def test_a_date_is_days_since_1970() -> None:
    assert temporal.days_of_date("1970-01-02") == 1
    assert temporal.days_of_date("0001-01-01") == temporal.FIRST_DAY
    with pytest.raises(MisfitError):
        temporal.days_of_date("2026-11-31")
