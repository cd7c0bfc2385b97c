from tests.faults.controls.group import SLOTS, Group, draw_kills
from tests.support.waiting import until

WAITS = "import sys, time; print('begun', flush=True); time.sleep(600)"


def test_a_seed_means_the_same_kills_every_time():
    assert draw_kills(7, 60, (6, 12)) == draw_kills(7, 60, (6, 12))
    assert draw_kills(7, 60, (6, 12)) != draw_kills(8, 60, (6, 12))


def test_kills_fit_into_the_time_and_keep_their_distance():
    kills = draw_kills(3, 100, (6, 12))
    assert all(6 <= kill.after_s <= 12 and kill.slot in SLOTS for kill in kills)
    assert 88 <= sum(kill.after_s for kill in kills) < 100


def test_who_is_killed_and_who_ends_by_itself_begins_anew(tmp_path):
    group = Group("g", lambda slot: ["-c", WAITS if slot == "0" else "print('begun')"], tmp_path)
    try:
        until(lambda: _lives(tmp_path, "0") == 1, 60)
        group.kill("0")
        until(lambda: _lives(tmp_path, "0") == 2, 60)
        until(lambda: _lives(tmp_path, "1") >= 2 or group.revive(), 60)
    finally:
        group.stop()


def _lives(folder, slot):
    return (folder / f"g-{slot}.log").read_text().count("begun")
