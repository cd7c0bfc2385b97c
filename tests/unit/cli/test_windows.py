import contextlib
import fcntl
import json
import subprocess

import pytest

from cli import windows as module
from cli.__main__ import main
from cli.connection import SCHEMAS
from flink_jobs.windows.applied import remember
from flink_jobs.windows.cluster import Job
from flink_jobs.windows.errors import ClusterAwayError
from flink_jobs.windows.load import load
from flink_jobs.windows.stopped import mark, stopped
from flink_jobs.windows.submit import alone
from local.stack import Stack

AWAY = "Flink's JobManager did not answer; `kapstan up --only windows` starts it"
DECLARED = ["click_sessions", "fraud_rate", "merchant_category_per_minute"]


class Cluster:
    """A JobManager; a submission makes the named jobs run."""

    def __init__(self):
        self.running, self.submitted, self.code, self.away, self.refuses = {}, [], 0, False, set()
        self.parts = {"kafka", "flink"}

    def jobs(self):
        if self.away:
            raise ClusterAwayError(AWAY)
        return dict(self.running)

    def add(self, name, running=8):
        self.running[name] = Job(f"id-{name}", name, "RUNNING", 1_780_000_000_000, running, 8)

    def cancel(self, job_id):
        if job_id in self.refuses:
            raise ClusterAwayError(AWAY)
        self.running.pop(job_id.removeprefix("id-"))

    def checkpoints(self, job_id):
        return {"latest": {"completed": None}}

    def run(self, command, **_):
        names = command[command.index("submit") + 1 :]
        self.submitted += names
        for name in names[: len(names) - self.code]:
            self.add(name)
        return subprocess.CompletedProcess(command, self.code)


@pytest.fixture
def cluster(monkeypatch):
    cluster = Cluster()
    monkeypatch.setattr(module, "Cluster", lambda _: cluster)
    monkeypatch.setattr(module.subprocess, "run", cluster.run)
    monkeypatch.setattr(module, "python", lambda: ["python", "-m", "flink_jobs.windows"])
    monkeypatch.setattr(module, "settings", lambda _: {})
    monkeypatch.setattr(module, "_SETTLE_SECONDS", 0)
    monkeypatch.setattr(module.supervise, "running", lambda _: cluster.parts)
    return cluster


@pytest.fixture
def stack(tmp_path):
    stack = Stack(tmp_path, 42000)
    stack.record()
    return stack


@pytest.fixture
def windows(cluster, stack):
    """`windows("stop", "fraud_rate")` runs the command and returns its exit code."""

    def run(*arguments):
        try:
            return main(["windows", *arguments, "--home", str(stack.home)])
        except SystemExit as ended:
            return ended.code

    return run


def marked(stack):
    return stopped(stack.data("windows"))


def test_apply_submits_what_does_not_run(cluster, windows, capsys):
    cluster.add("fraud_rate")
    assert not windows("apply")
    assert cluster.submitted == ["click_sessions", "merchant_category_per_minute"]
    assert capsys.readouterr().out == "3 windows run, 2 of them submitted now\n"


def test_apply_takes_a_stopped_windows_mark_away(cluster, windows, stack):
    for name in ("fraud_rate", "click_sessions"):
        mark(stack.data("windows"), name)
    assert not windows("apply", "fraud_rate")
    assert cluster.submitted == ["fraud_rate"]
    assert marked(stack) == {"click_sessions"}


def test_apply_fails_when_the_submission_does(cluster, windows):
    cluster.code = 1
    assert windows("apply") == 1


def test_apply_names_where_to_look_when_a_job_does_not_come_up(cluster, windows, capsys):
    for name in DECLARED:
        cluster.add(name, running=7)
    assert windows("apply") == 1
    assert "http://127.0.0.1:42030 shows why" in capsys.readouterr().err


def test_apply_refuses_a_form_that_another_one_runs_in(cluster, windows, stack, capsys):
    cluster.add("fraud_rate")
    declared = load(SCHEMAS)["fraud_rate"].declaration
    remember(stack.data("windows"), "fraud_rate", declared.model_copy(update={"lateness": 1}))
    assert windows("apply") == 1
    assert cluster.submitted == []
    assert "fraud_rate: lateness changed" in capsys.readouterr().err
    assert not windows("list", "--json")
    rows = {row["window"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["fraud_rate"]["state"] == "running, file changed"
    assert rows["fraud_rate"]["changed"] == "lateness"
    assert rows["click_sessions"]["changed"] is None
    remember(stack.data("windows"), "fraud_rate", declared)
    assert not windows("apply")


def test_stop_cancels_and_remembers(cluster, windows, stack, capsys):
    for name in DECLARED[1:]:
        cluster.add(name)
    assert not windows("stop", "fraud_rate", "click_sessions")
    assert set(cluster.running) == {"merchant_category_per_minute"}
    assert marked(stack) == {"fraud_rate", "click_sessions"}
    assert "1 windows stopped" in capsys.readouterr().out


def test_stop_waits_for_a_submission_under_way_and_cancels_what_it_started(
    cluster, windows, stack, monkeypatch, capsys
):
    @contextlib.contextmanager
    def behind_a_submission(folder):
        cluster.add("fraud_rate")
        with alone(folder):
            yield

    monkeypatch.setattr(module, "alone", behind_a_submission, raising=False)
    assert not windows("stop", "fraud_rate")
    assert cluster.running == {}
    assert "1 windows stopped" in capsys.readouterr().out


def test_stop_lets_no_submission_in_between_its_marks_and_its_cancelling(
    cluster, windows, stack, monkeypatch
):
    seen = []

    def watched(what):
        def call(*arguments):
            seen.append(held(stack))
            return what(*arguments)

        return call

    monkeypatch.setattr(module, "mark", watched(mark))
    monkeypatch.setattr(cluster, "cancel", watched(cluster.cancel))
    cluster.add("fraud_rate")
    assert not windows("stop", "fraud_rate")
    assert seen == [True, True]
    assert not held(stack)


def held(stack):
    """Whether somebody holds the state folder."""
    with (stack.data("windows") / "submit.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_list_tells_each_windows_state(cluster, windows, stack, capsys):
    cluster.add("click_sessions")
    cluster.add("fraud_rate", running=3)
    mark(stack.data("windows"), "merchant_category_per_minute")
    assert not windows("list", "--json")
    rows = json.loads(capsys.readouterr().out)
    assert [(row["window"], row["state"]) for row in rows] == [
        ("click_sessions", "running"),
        ("fraud_rate", "starting"),
        ("merchant_category_per_minute", "stopped"),
    ]
    assert rows[0]["since"] == "2026-05-28T20:26:40+00:00"
    assert rows[1]["table"] == "gold.fraud_rate"


def test_list_for_people_has_the_same_names(cluster, windows, capsys):
    assert not windows("list")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["click_sessions", "session"],
        ["fraud_rate", "hop"],
        ["merchant_category_per_minute", "tumble"],
    ]


@pytest.mark.parametrize("command", ["apply", "stop"])
def test_an_unknown_window_is_named_with_those_there_are(windows, command, capsys):
    assert windows(command, "fraud") == 1
    assert "no window fraud is declared" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["apply", "list", "stop"])
def test_without_a_jobmanager_the_remedy_is_said(cluster, windows, command, capsys):
    cluster.away = True
    assert windows(command) == 1
    said = capsys.readouterr().err
    assert said.count("kapstan up --only windows") == 1
    assert "remedy: `kapstan up --only windows` starts it" in said


@pytest.mark.parametrize("command", ["list", "stop", "apply"])
def test_a_command_that_fails_changes_no_mark_and_makes_no_folder(cluster, windows, stack, command):
    cluster.away = True
    assert windows(command) == 1
    assert not (stack.home / "data" / "windows").exists()
    mark(stack.data("windows"), "fraud_rate")
    assert windows(command) == 1
    assert marked(stack) == {"fraud_rate"}


def test_a_refused_apply_leaves_the_marks(cluster, windows, stack):
    for name in ("fraud_rate", "click_sessions"):
        mark(stack.data("windows"), name)
    cluster.add("fraud_rate")
    declared = load(SCHEMAS)["fraud_rate"].declaration
    remember(stack.data("windows"), "fraud_rate", declared.model_copy(update={"lateness": 1}))
    assert windows("apply") == 1
    assert marked(stack) == {"fraud_rate", "click_sessions"}


def change(stack, name):
    declared = load(SCHEMAS)[name].declaration
    remember(stack.data("windows"), name, declared.model_copy(update={"lateness": 1}))


def test_apply_refuses_a_changed_form_of_a_window_that_was_stopped(cluster, windows, stack, capsys):
    change(stack, "fraud_rate")
    mark(stack.data("windows"), "fraud_rate")
    (stack.data("flink") / "checkpoints" / "fraud_rate" / "a1" / "chk-1").mkdir(parents=True)
    (stack.data("flink") / "checkpoints" / "fraud_rate" / "a1" / "chk-1" / "_metadata").touch()
    assert windows("apply") == 1
    assert cluster.submitted == []
    assert marked(stack) == {"fraud_rate"}
    assert "fraud_rate: lateness changed" in " ".join(capsys.readouterr().err.split())


def test_a_window_to_begin_anew_is_left_to_the_submission(cluster, windows, stack):
    change(stack, "fraud_rate")
    assert not windows("apply")
    assert "fraud_rate" in cluster.submitted


def test_a_failed_submission_leaves_what_it_did_not_start_marked(cluster, windows, stack):
    cluster.add("merchant_category_per_minute")
    for name in ("click_sessions", "fraud_rate"):
        mark(stack.data("windows"), name)
    cluster.code = 1
    assert windows("apply") == 1
    assert cluster.submitted == ["click_sessions", "fraud_rate"]
    assert marked(stack) == {"fraud_rate"}, "the first one was started"


def test_a_submission_that_breaks_off_leaves_the_marks_even_without_a_jobmanager(
    cluster, windows, stack, monkeypatch
):
    def interrupted(*_, **__):
        assert not marked(stack), "a submission would pass over a marked window"
        cluster.away = True
        raise KeyboardInterrupt

    mark(stack.data("windows"), "fraud_rate")
    monkeypatch.setattr(module.subprocess, "run", interrupted)
    with contextlib.suppress(KeyboardInterrupt):
        assert windows("apply")
    assert marked(stack) == {"fraud_rate"}


def test_a_stop_that_breaks_off_leaves_only_what_it_cancelled_marked(cluster, windows, stack, capsys):
    mark(stack.data("windows"), "merchant_category_per_minute")
    for name in ("click_sessions", "fraud_rate"):
        cluster.add(name)
    cluster.refuses = {"id-fraud_rate"}
    assert windows("stop") == 1
    assert marked(stack) == {"click_sessions", "merchant_category_per_minute"}
    assert "did not answer" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["apply", "list", "stop"])
def test_a_cluster_that_is_not_the_stacks_own_is_left_alone(command, windows, cluster, stack, capsys):
    cluster.add("fraud_rate")
    cluster.parts = {"kafka"}
    assert windows(command) == 1
    assert set(cluster.running) == {"fraud_rate"}
    assert not stopped(stack.home / "data" / "windows")
    said = capsys.readouterr().err
    assert f"Flink does not run in {stack.home}" in " ".join(said.split())
    assert "kapstan up --only windows" in " ".join(said.split())


def test_stop_ends_a_windows_provisional_job_too(cluster, windows, stack, capsys):
    for name in ("fraud_rate", "fraud_rate_provisional", "click_sessions"):
        cluster.add(name)
    assert not windows("stop", "fraud_rate")
    assert set(cluster.running) == {"click_sessions"}
    assert marked(stack) == {"fraud_rate"}
    assert "1 windows stopped" in capsys.readouterr().out
