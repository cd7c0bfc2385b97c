import subprocess

import pytest

from flink_jobs.windows import keep as module
from flink_jobs.windows.cluster import Job
from flink_jobs.windows.errors import ClusterAwayError
from flink_jobs.windows.keep import keep


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
                if isinstance(answer, Exception):
                    raise answer
                return {name: Job("1", name, "RUNNING", 0, 8, 8) for name in answer}

        def run(command, *, check):
            assert not check
            self.submitted.append(command[command.index("submit") + 1 :])
            return subprocess.CompletedProcess(command, self.codes.pop(0))

        monkeypatch.setattr(module, "Cluster", Cluster)
        monkeypatch.setattr(module, "load", lambda _: {"a": None, "b": None})
        monkeypatch.setattr(module.subprocess, "run", run)

    def wait(self, seconds):
        self.pauses.append(seconds)
        return not self.answers


class Settings:
    flink_url = ""
    schemas_dir = None

    def __init__(self, state_dir):
        self.state_dir = state_dir


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def test_submits_what_does_not_run_until_it_does(world, tmp_path):
    world.answers = [[], ["a"], ["a", "b"]]
    world.codes = [0, 0]
    keep(Settings(tmp_path), world.wait)
    assert world.submitted == [["a", "b"], ["b"]]


def test_a_failed_submission_is_tried_later_each_time_but_not_much(world, tmp_path):
    world.answers = [[]] * 6 + [["a", "b"]]
    world.codes = [1] * 6
    keep(Settings(tmp_path), world.wait)
    assert world.pauses == [0, 10, 20, 40, 60, 60, 60, 5]


def test_a_jobmanager_that_is_away_is_waited_for(world, tmp_path):
    world.answers = [ClusterAwayError("away"), ["a", "b"]]
    keep(Settings(tmp_path), world.wait)
    assert world.submitted == []
    assert world.pauses == [0, 5, 5]


def test_a_stopped_window_stays_stopped(world, tmp_path):
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / "b").touch()
    world.answers, world.codes = [[]], [0]
    keep(Settings(tmp_path), world.wait)
    assert world.submitted == [["a"]]
