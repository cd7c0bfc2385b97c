"""Which rows of a window are final, and which are compared."""

from datetime import UTC, datetime
from types import SimpleNamespace

from replay.compare import Pair, compare
from replay.gold import Horizon, LateStore, WindowStore
from streamkit.records import Record, TopicPartition

NOW = 1_790_000_000_000
A, B = TopicPartition("t", 0), TopicPartition("t", 1)
WINDOW = SimpleNamespace(declaration=SimpleNamespace(settle_ms=305_000))


def record(partition, at_ms=NOW):
    return Record("t", partition, 0, at_ms, None, None)


def test_nothing_is_final_while_a_partition_has_held_nothing():
    horizon = Horizon(WINDOW, [A, B])
    horizon.take(record(0), NOW)
    assert horizon.final_ms is None


def test_the_slowest_partition_decides_and_late_rows_move_nothing_back():
    horizon = Horizon(WINDOW, [A, B])
    for partition, event_ms in ((0, NOW), (1, NOW - 1000), (1, NOW - 90_000)):
        horizon.take(record(partition), event_ms)
    assert horizon.final_ms == NOW - 1000 - 305_000


def test_a_wrong_clock_counts_as_the_nearest_time_allowed():
    horizon = Horizon(WINDOW, [A, B])
    horizon.take(record(0), NOW + 10**12)
    horizon.take(record(1), -5)
    assert horizon.final_ms == -305_000
    horizon.take(record(1), NOW + 10**12)
    assert horizon.final_ms == NOW + 300_000 - 305_000


def stamp(ms):
    return datetime.fromtimestamp(ms / 1000, UTC)


def row(category, end_ms, events):
    window = {"window_start": stamp(end_ms - 60_000), "window_end": stamp(end_ms)}
    return {"tenant": "default", "category": category, **window, "events": events}


def store(name, rows, final_ms=NOW, since_ms=None):
    return WindowStore(name, lambda: rows, ["tenant", "category"], final_ms, since_ms)


def test_rows_that_are_still_open_are_left_out_and_a_wrong_count_is_found():
    live = [row("fuel", NOW, 3), row("food", NOW, 1)]
    replayed = [row("food", NOW, 1), row("fuel", NOW, 4), row("fuel", NOW + 60_000, 1)]
    found = compare(Pair("gold.w", store("gold.w", live), store("again_gold.w", replayed)), 3)
    assert (found.equal, found.differing, found.missing, found.extra) == (1, 1, 0, 0)
    assert found.examples[0].fields == (("/events", "3", "4"),)
    assert '"category":"fuel"' in found.examples[0].about


def test_rows_before_the_time_asked_for_are_left_out():
    rows = [row("fuel", NOW - 60_000, 3), row("fuel", NOW, 3)]
    assert len(store("w", rows, since_ms=NOW - 60_000).entries()) == 1
    assert len(store("w", rows, final_ms=None).entries()) == 0


def test_late_rows_are_compared_as_far_as_the_replay_has_read():
    def late(offset, reason="late"):
        place = {"source_partition": 0, "source_offset": offset, "kafka_time": stamp(NOW)}
        return {"tenant": "default", "reason": reason, "window_start": None, **place}

    live = LateStore("late", lambda: [late(3), late(4, "future"), late(9)], {0: 9}, None)
    replayed = LateStore("again.late", lambda: [late(4, "future"), late(3)], {0: 9}, None)
    found = compare(Pair("late", live, replayed), 3)
    assert (found.agrees, found.equal) == (True, 2)
    assert len(LateStore("late", lambda: [late(3)], {0: 9}, NOW).entries()) == 0
