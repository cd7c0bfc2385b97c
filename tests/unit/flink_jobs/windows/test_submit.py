import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from flink_jobs.windows import submit as module
from flink_jobs.windows.cluster import Job
from flink_jobs.windows.errors import StartRefusedError
from flink_jobs.windows.stopped import mark, stopped, unmark
from flink_jobs.windows.submit import alone, missing, submit
from tests.support.window_declarations import bound

NOW = 1_780_000_000_000
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
        self.running = {}
        self.tables = {"t": "1", "t_late": "1"}
        self.committed = {"t": None, "t_late": None}

    def jobs(self):
        return self.running

    def session(self, _url):
        self.sessions += 1
        self.meanwhile()
        return SimpleNamespace(prepare=self._prepare)

    def _prepare(self, plan):
        def start():
            self.started.append(plan.name)
            self.restored = plan.configuration.get("execution.state-recovery.path")
            return f"id-{plan.name}"

        return SimpleNamespace(
            committed=lambda _: self.committed, tables=lambda _: dict(self.tables), submit=start
        )


@pytest.fixture
def flink(monkeypatch):
    flink = Flink()
    monkeypatch.setattr(module, "Cluster", lambda _: flink)
    # PyFlink itself lives in another environment.
    monkeypatch.setitem(sys.modules, "flink_jobs.windows.job", SimpleNamespace(Session=flink.session))
    return flink


def test_what_does_not_run_is_started(flink, settings):
    assert submit(WINDOWS, settings, lambda: NOW) == {
        "clicks": "id-windows.clicks",
        "sales": "id-windows.sales",
    }


def test_a_window_stopped_while_the_submission_waited_for_its_turn_is_not_started(
    flink, settings, monkeypatch
):
    @contextmanager
    def behind_a_stop(folder):
        mark(folder, "clicks")
        with alone(folder):
            yield

    monkeypatch.setattr(module, "alone", behind_a_stop)
    assert submit(WINDOWS, settings, lambda: NOW) == {"sales": "id-windows.sales"}
    assert flink.started == ["windows.sales"]


def test_a_window_stopped_while_java_starts_is_not_started(flink, settings):
    flink.meanwhile = lambda: mark(settings.state_dir, "sales")
    assert submit(WINDOWS, settings, lambda: NOW) == {"clicks": "id-windows.clicks"}


def test_java_is_spared_when_all_are_stopped(flink, settings):
    for name in WINDOWS:
        mark(settings.state_dir, name)
    assert submit(WINDOWS, settings, lambda: NOW) == {}
    assert flink.sessions == 0


def test_a_stopped_window_does_not_hold_back_one_of_a_namespace(flink, settings):
    mark(settings.state_dir, "sales")
    again = settings.model_copy(update={"namespace": "again"})
    assert set(submit(WINDOWS, again, lambda: NOW)) == {"clicks", "sales"}


def leave(settings, job, number, window="sales"):
    path = settings.checkpoints_dir / window / job / f"chk-{number}"
    path.mkdir(parents=True)
    (path / "_metadata").touch()
    return path


SALES = {"sales": WINDOWS["sales"]}


def test_a_job_goes_on_from_the_newest_checkpoint_of_the_one_before(flink, settings):
    submit(SALES, settings, lambda: NOW)
    expected = leave(settings, "id-windows.sales", 10)
    leave(settings, "id-windows.sales", 9)
    flink.committed["t"] = {"flink.job-id": "id-windows.sales", "flink.max-committed-checkpoint-id": "10"}
    submit(SALES, settings, lambda: NOW)
    assert flink.restored == expected.as_uri()


def test_an_older_copy_of_the_checkpoints_is_refused_and_nothing_is_started(flink, settings):
    submit(SALES, settings, lambda: NOW)
    leave(settings, "id-windows.sales", 9)
    flink.committed["t"] = {"flink.job-id": "its heir", "flink.max-committed-checkpoint-id": "2"}
    with pytest.raises(StartRefusedError, match="does not go on from"):
        submit(SALES, settings, lambda: NOW)
    assert flink.started == ["windows.sales"]


def test_after_the_tables_were_dropped_the_log_is_read_from_its_beginning(flink, settings):
    submit(SALES, settings, lambda: NOW)
    leave(settings, "id-windows.sales", 9)
    flink.tables = {"t": "2", "t_late": "2"}
    submit(SALES, settings, lambda: NOW)
    assert flink.restored is None
    # Nor may the next start go back to a checkpoint of before.
    submit(SALES, settings, lambda: NOW)
    assert flink.restored is None


EARLY = {"sales": bound(window="sales", provisional={"after": "1s"})}


def test_provisional_jobs_come_after_the_others_and_begin_anew(flink, settings):
    leave(settings, "an earlier one", 3, "sales_provisional")
    assert submit(EARLY | {"z": bound(window="z")}, settings, lambda: NOW) == {
        "sales": "id-windows.sales",
        "z": "id-windows.z",
        "sales_provisional": "id-windows.sales_provisional",
    }
    assert flink.started[-1] == "windows.sales_provisional"
    assert flink.restored is None
    assert not (settings.checkpoints_dir / "sales_provisional").exists()


def test_a_provisional_job_that_is_missing_alone_is_started_alone(flink, settings):
    flink.running = {"sales": Job("1", "sales", "RUNNING", 0, 8, 8)}
    assert set(submit(EARLY, settings, lambda: NOW)) == {"sales_provisional"}


def test_a_stopped_window_has_no_provisional_job_either(flink, settings):
    mark(settings.state_dir, "sales")
    assert submit(EARLY, settings, lambda: NOW) == {}
    assert flink.sessions == 0
