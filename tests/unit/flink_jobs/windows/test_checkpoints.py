import os

from flink_jobs.windows.checkpoints import folder, forget, forget_others, newest


def checkpoint(window_folder, job, number, at, *, complete=True):
    path = window_folder / job / f"chk-{number}"
    path.mkdir(parents=True)
    if complete:
        (path / "_metadata").touch()
        os.utime(path / "_metadata", (at, at))
    return path


def test_a_window_that_never_ran_has_none(tmp_path):
    assert newest(folder(tmp_path, "sales")) is None


def test_the_newest_counts_over_all_jobs_whatever_their_numbers(tmp_path):
    checkpoint(tmp_path, "old", 900, at=100)
    expected = checkpoint(tmp_path, "new", 3, at=200)
    checkpoint(tmp_path, "new", 2, at=190)
    assert newest(tmp_path) == expected


def test_of_two_written_at_the_same_time_the_higher_number_counts(tmp_path):
    checkpoint(tmp_path, "job", 10, at=100)
    checkpoint(tmp_path, "job", 9, at=100)
    assert newest(tmp_path).name == "chk-10"


def test_one_that_was_cut_short_does_not_count(tmp_path):
    expected = checkpoint(tmp_path, "job", 1, at=100)
    checkpoint(tmp_path, "job", 2, at=200, complete=False)
    assert newest(tmp_path) == expected


def test_what_earlier_jobs_left_is_forgotten(tmp_path):
    checkpoint(tmp_path, "old", 1, at=100)
    kept = checkpoint(tmp_path, "new", 2, at=200)
    forget_others(tmp_path, kept)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_where_the_jobs_are_known_no_clock_is_asked(tmp_path):
    checkpoint(tmp_path, "first", 900, at=400)
    checkpoint(tmp_path, "second", 2, at=300)
    expected = checkpoint(tmp_path, "second", 3, at=200)
    assert newest(tmp_path, ["first", "second", None]) == expected


def test_a_job_that_nobody_named_is_newer_than_those_known(tmp_path):
    checkpoint(tmp_path, "first", 900, at=400)
    expected = checkpoint(tmp_path, "unnamed", 1, at=100)
    assert newest(tmp_path, ["first", None]) == expected


def test_all_are_forgotten_with_the_tables_they_fit(tmp_path):
    checkpoint(tmp_path / "sales", "job", 1, at=100)
    forget(tmp_path / "sales")
    forget(tmp_path / "sales")
    assert newest(tmp_path / "sales") is None
