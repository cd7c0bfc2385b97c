from tests.faults.controls.current_watermark_split import (
    OFFLINE_ROWS,
    SETTLE_MS,
    WINDOW_MS,
    closed_by,
    stretch,
)

NOW = 1_780_000_000_000


def test_a_seed_means_the_same_log():
    assert stretch(3, NOW, 50) == stretch(3, NOW, 50)
    assert stretch(3, NOW, 50) != stretch(4, NOW, 50)


def test_a_stretch_begins_with_rows_that_have_missed_their_windows():
    rows = stretch(1, NOW, 3_000)
    behind = [now - row["at"] for _, now, row in rows]
    assert min(behind[:OFFLINE_ROWS]) > SETTLE_MS + WINDOW_MS
    assert {partition for partition, _, _ in rows[:OFFLINE_ROWS]} == {0, 1}
    late = [each for each in behind[OFFLINE_ROWS:] if each > SETTLE_MS + WINDOW_MS]
    assert 0.05 < len(late) / (len(rows) - OFFLINE_ROWS) < 0.15
    assert all(each < 4_000 for each in behind[OFFLINE_ROWS:] if each not in late)


def test_the_window_that_is_over_ends_before_the_watermark():
    start = closed_by(NOW)
    assert start % WINDOW_MS == 0
    watermark = NOW - 5_000 - SETTLE_MS - 1
    assert start + WINDOW_MS - 1 <= watermark < start + 2 * WINDOW_MS
