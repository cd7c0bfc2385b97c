import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from flink_jobs.windows import submit as module
from flink_jobs.windows.cluster import Job
from flink_jobs.windows.stopped import mark, stopped, unmark
from flink_jobs.windows.submit import alone, missing, submit
from tests.support.window_declarations import bound

WINDOWS = {name: bound(window=name) for name in ("clicks", "sales")}


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


class Flink:
    """A cluster without jobs, and PyFlink's side of it: what is started there, and what happens meanwhile."""

    def __init__(self):
        self.sessions, self.started, self.meanwhile = 0, [], lambda: None

    def jobs(self):
        return {}

    def session(self, _url):
        self.sessions += 1
        self.meanwhile()
        return SimpleNamespace(prepare=self._prepare)

    def _prepare(self, plan):
        def start():
            self.started.append(plan.name)
            return f"id-{plan.name}"

        return SimpleNamespace(committed=lambda _: {}, submit=start)


@pytest.fixture
def flink(monkeypatch):
    flink = Flink()
    monkeypatch.setattr(module, "Cluster", lambda _: flink)
    # PyFlink itself lives in another environment.
    monkeypatch.setitem(sys.modules, "flink_jobs.windows.job", SimpleNamespace(Session=flink.session))
    return flink


def test_what_does_not_run_is_started(flink, settings):
    assert submit(WINDOWS, settings) == {"clicks": "id-windows.clicks", "sales": "id-windows.sales"}


def test_a_window_stopped_while_the_submission_waited_for_its_turn_is_not_started(
    flink, settings, monkeypatch
):
    @contextmanager
    def behind_a_stop(folder):
        mark(folder, "clicks")
        with alone(folder):
            yield

    monkeypatch.setattr(module, "alone", behind_a_stop)
    assert submit(WINDOWS, settings) == {"sales": "id-windows.sales"}
    assert flink.started == ["windows.sales"]


def test_a_window_stopped_while_java_starts_is_not_started(flink, settings):
    flink.meanwhile = lambda: mark(settings.state_dir, "sales")
    assert submit(WINDOWS, settings) == {"clicks": "id-windows.clicks"}


def test_java_is_spared_when_all_are_stopped(flink, settings):
    for name in WINDOWS:
        mark(settings.state_dir, name)
    assert submit(WINDOWS, settings) == {}
    assert flink.sessions == 0


def test_a_stopped_window_does_not_hold_back_one_of_a_namespace(flink, settings):
    mark(settings.state_dir, "sales")
    again = settings.model_copy(update={"namespace": "again"})
    assert set(submit(WINDOWS, again)) == {"clicks", "sales"}
