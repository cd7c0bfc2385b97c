from flink_jobs.windows.cluster import Job
from flink_jobs.windows.stopped import mark, stopped, unmark
from flink_jobs.windows.submit import missing


def test_what_runs_or_was_stopped_is_not_missing():
    jobs = {"b": Job("1", "b", "RESTARTING", 0, 0, 8), "other": Job("2", "other", "RUNNING", 0, 8, 8)}
    assert missing(["d", "c", "b", "a"], jobs, {"c"}) == ["a", "d"]


def test_a_mark_stays_until_it_is_taken_away(tmp_path):
    assert stopped(tmp_path) == set()
    mark(tmp_path, "sales")
    mark(tmp_path, "sales")
    mark(tmp_path, "clicks")
    assert stopped(tmp_path) == {"sales", "clicks"}
    unmark(tmp_path, "sales")
    unmark(tmp_path, "sales")
    assert stopped(tmp_path) == {"clicks"}
