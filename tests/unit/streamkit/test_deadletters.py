import pytest

from streamkit.deadletters import (
    DeadLetterLimit,
    RejectionWindow,
    check_in_a_row,
    dead_letter_of,
    short_headers,
)
from streamkit.errors import StopError
from streamkit.records import MAX_RECORD_BYTES, Record, Rejected, TopicPartition

TP = TopicPartition("t", 2)


def test_a_letter_keeps_the_original_and_says_why():
    record = Record("t", 2, 9, 123, b"k", b"v", (("traceparent", b"00-1"), ("x", b"\xff")))
    letter = dead_letter_of(Rejected(record, "bad", "it is bad", "/a", 4), "enricher", "id7")
    assert letter.dead_letter_id == "enricher:t@id7/2/9"
    assert (letter.reason, letter.detail, letter.field_path, letter.schema_id) == (
        "bad",
        "it is bad",
        "/a",
        4,
    )
    assert (letter.source_topic, letter.source_topic_id) == ("t", "id7")
    assert (letter.source_partition, letter.source_offset, letter.event_time) == (2, 9, 123)
    assert (letter.source_key, letter.source_value, letter.source_headers) == (b"k", b"v", record.headers)
    assert letter.traceparent == "00-1"
    assert letter == dead_letter_of(Rejected(record, "bad", "it is bad", "/a", 4), "enricher", "id7")


def letter_of(key, value, headers=()):
    return dead_letter_of(Rejected(Record("t", 2, 9, 1, key, value, headers), "bad", "It is bad."), "s", "id")


def test_a_letter_that_would_be_too_large_keeps_what_fits_and_says_so():
    value = bytes(range(256)) * 8_000
    letter = letter_of(b"key", value, (("a", b"1"), ("b", b"2" * 2_000_000), ("c", b"3")))
    assert letter.source_key == b"key"
    assert letter.source_headers == (("a", b"1"), ("c", b"3"))
    kept = len(letter.source_value)
    assert MAX_RECORD_BYTES - 70_000 < kept < MAX_RECORD_BYTES - 65_000
    assert value.startswith(letter.source_value)
    assert letter.detail == (
        "It is bad. The original is too large for a dead letter, which keeps 3 of 3 bytes of the key, 2 of 3 "
        f"headers and the first {kept} of 2048000 bytes of the value."
    )


def test_the_largest_original_that_fits_is_kept_whole_and_one_byte_more_is_cut():
    most = MAX_RECORD_BYTES - 65_536 - 1
    whole, cut = letter_of(b"k", b"v" * most), letter_of(b"k", b"v" * (most + 1))
    assert (whole.detail, len(whole.source_value)) == ("It is bad.", most)
    assert len(cut.source_value) == most
    assert f"first {most} of {most + 1} bytes" in cut.detail


def test_what_is_absent_stays_absent_in_a_cut_letter():
    letter = letter_of(None, None, (("h", b"x" * MAX_RECORD_BYTES),))
    assert (letter.source_key, letter.source_value, letter.source_headers) == (None, None, ())


def test_overlong_texts_are_cut_and_marked():
    record = Record("t", 2, 9, 1, b"k", b"v", (("traceparent", b"0" * 3_000),))
    letter = dead_letter_of(Rejected(record, "bad", "d" * 2_000, "/" * 2_001), "s", "id")
    assert (letter.detail, letter.field_path) == ("d" * 2_000, "/" * 2_000 + "…")
    assert letter.traceparent == "0" * 2_000 + "…"
    assert letter.source_headers == record.headers


def test_a_letters_own_headers_are_short():
    short = tuple((f"h{n}", b"x" * 100) for n in range(5))
    assert short_headers(short) == short
    assert short_headers((*short, ("long", b"x" * 9_000), ("last", b""))) == (*short, ("last", b""))


@pytest.mark.parametrize(
    ("before", "rejected", "expected"),
    [
        (0, set(), 0),
        (5, set(), 0),
        (5, {0}, 0),
        (5, {3}, 1),
        (5, {2, 3}, 2),
        (5, {0, 1, 2, 3}, 9),
        (0, {1}, 0),
    ],
)
def test_a_row_goes_over_batches_and_ends_with_a_good_record(before, rejected, expected):
    assert check_in_a_row(before, range(4), rejected, DeadLetterLimit(), TP) == expected


def test_too_long_a_row_stops_even_when_a_good_record_follows():
    limit = DeadLetterLimit(max_consecutive=3)
    assert check_in_a_row(0, range(4), {0, 1, 2}, limit, TP) == 0
    with pytest.raises(StopError, match=r"4 records in a row .* \(at t/2 offset 1\)"):
        check_in_a_row(2, range(4), {0, 1}, limit, TP)


def test_the_ratio_counts_once_the_window_is_full():
    window = RejectionWindow(DeadLetterLimit(max_ratio=0.5, window=100))
    window.add(99, 99)
    with pytest.raises(StopError, match="99 of the last 100"):
        window.add(1, 0)


def test_old_batches_leave_the_window():
    window = RejectionWindow(DeadLetterLimit(max_ratio=0.5, window=100))
    window.add(50, 50)
    window.add(50, 0)
    for _ in range(20):
        window.add(50, 20)
    window.add(50, 30)
    with pytest.raises(StopError, match="61 of the last 100"):
        window.add(50, 31)
