import logging
import shutil
import subprocess

import pytest

from flink_jobs.windows import keep as module
from flink_jobs.windows.cluster import Job
from flink_jobs.windows.errors import ClusterAwayError, DeclarationError
from flink_jobs.windows.keep import keep
from tests.support.catalogues import SCHEMAS
from tests.support.window_declarations import bound


class World:
    """A cluster, and the keeper's submissions to it."""

    def __init__(self, monkeypatch):
        self.answers, self.codes, self.submitted, self.pauses = [], [], [], []
        world = self

        class Cluster:
            def __init__(self, url):
                pass

            def jobs(self):
                answer = world.answers.pop(0)
                if callable(answer):
                    answer = answer()
                if isinstance(answer, Exception):
                    raise answer
                return {name: Job("1", name, "RUNNING", 0, 8, 8) for name in answer}

        def run(command, *, check):
            assert not check
            self.submitted.append(command[command.index("submit") + 1 :])
            return subprocess.CompletedProcess(command, self.codes.pop(0))

        monkeypatch.setattr(module, "Cluster", Cluster)
        monkeypatch.setattr(module.subprocess, "run", run)

    def wait(self, seconds):
        self.pauses.append(seconds)
        return not self.answers


class Settings:
    flink_url = ""

    def __init__(self, state_dir, schemas_dir=None):
        self.state_dir, self.schemas_dir = state_dir, schemas_dir


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


@pytest.fixture
def declared(monkeypatch):
    """Two windows, a and b."""
    monkeypatch.setattr(module, "load", lambda _: {name: bound(window=name) for name in ("a", "b")})


@pytest.fixture
def schemas(tmp_path):
    """A folder in which two windows are declared: click_sessions and fraud_rate."""
    folder = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, folder)
    (folder / "windows" / "merchant_category_per_minute.yaml").unlink()
    return folder


@pytest.mark.usefixtures("declared")
def test_submits_what_does_not_run_until_it_does(world, tmp_path):
    world.answers = [[], ["a"], ["a", "b"]]
    world.codes = [0, 0]
    keep(Settings(tmp_path), world.wait)
    assert world.submitted == [["a", "b"], ["b"]]


@pytest.mark.usefixtures("declared")
def test_a_failed_submission_is_tried_later_each_time_but_not_much(world, tmp_path):
    world.answers = [[]] * 6 + [["a", "b"]]
    world.codes = [1] * 6
    keep(Settings(tmp_path), world.wait)
    assert world.pauses == [0, 10, 20, 40, 60, 60, 60, 5]


@pytest.mark.usefixtures("declared")
def test_a_jobmanager_that_is_away_is_waited_for(world, tmp_path):
    world.answers = [ClusterAwayError("away"), ["a", "b"]]
    keep(Settings(tmp_path), world.wait)
    assert world.submitted == []
    assert world.pauses == [0, 5, 5]


def test_a_provisional_job_that_does_not_run_is_submitted_with_its_window(world, tmp_path, monkeypatch):
    early = bound(window="a", provisional={"after": "1s"})
    monkeypatch.setattr(module, "load", lambda _: {"a": early})
    world.answers, world.codes = [["a"], ["a", "a_provisional"]], [0]
    keep(Settings(tmp_path), world.wait)
    assert world.submitted == [["a"]]


@pytest.mark.usefixtures("declared")
def test_a_stopped_window_stays_stopped(world, tmp_path):
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / "b").touch()
    world.answers, world.codes = [[]], [0]
    keep(Settings(tmp_path), world.wait)
    assert world.submitted == [["a"]]


def test_a_window_declared_later_is_kept_and_one_taken_away_is_not(world, schemas, tmp_path):
    def changed():
        file = "merchant_category_per_minute.yaml"
        shutil.copy(SCHEMAS / "windows" / file, schemas / "windows" / file)
        (schemas / "windows" / "fraud_rate.yaml").unlink()
        return ["click_sessions", "fraud_rate"]

    world.answers, world.codes = [changed, ["click_sessions"]], [0]
    keep(Settings(tmp_path, schemas), world.wait)
    assert world.submitted == [["merchant_category_per_minute"]]


def test_declarations_gone_wrong_are_told_and_those_before_are_kept(world, schemas, tmp_path, caplog):
    def broken():
        (schemas / "windows" / "fraud_rate.yaml").write_text("window: other\n")
        return ["click_sessions", "fraud_rate"]

    world.answers, world.codes = [broken, ["click_sessions"]], [0]
    with caplog.at_level(logging.WARNING):
        keep(Settings(tmp_path, schemas), world.wait)
    assert world.submitted == [["fraud_rate"]]
    assert "the windows read before are kept: the window declarations cannot be used" in caplog.text


def test_declarations_that_are_wrong_at_the_start_are_refused(world, schemas, tmp_path):
    (schemas / "windows" / "fraud_rate.yaml").write_text("window: other\n")
    world.answers = [[]]
    with pytest.raises(DeclarationError, match="fraud_rate"):
        keep(Settings(tmp_path, schemas), world.wait)
