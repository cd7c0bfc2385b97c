import json

import pytest

from flink_jobs.windows.config import Settings
from flink_jobs.windows.stopped import mark
from local import windows
from local.stack import Stack
from local.windows import Windows, wanted

DECLARED = {"click_sessions", "fraud_rate", "merchant_category_per_minute"}


@pytest.fixture
def stack(tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "client_environment", lambda _: {"JAVA_HOME": "/java"})
    stack = Stack(tmp_path, 42000)
    stack.record()
    return stack


def job(name, state="RUNNING", running=8):
    tasks = {"running": running, "total": 8}
    return {"jid": "a1", "name": f"windows.{name}", "state": state, "start-time": 5, "tasks": tasks}


def missing(stack, monkeypatch, *jobs):
    monkeypatch.setattr(windows, "http_call", lambda *_: (200, json.dumps({"jobs": jobs}).encode()))
    return Windows().waiting_for(stack)


def test_ready_when_every_declared_window_runs(stack, monkeypatch):
    assert missing(stack, monkeypatch, *map(job, DECLARED), job("other")) is None


def test_names_those_that_do_not_run(stack, monkeypatch):
    jobs = [job("fraud_rate", running=7), job("click_sessions"), job("click_sessions", "CANCELED")]
    expected = "not running yet: fraud_rate, merchant_category_per_minute"
    assert missing(stack, monkeypatch, *jobs) == expected


def test_a_job_of_somebody_else_with_a_windows_name_does_not_count(stack, monkeypatch):
    others = [job(name) | {"name": name} for name in DECLARED]
    assert missing(stack, monkeypatch, *others) == f"not running yet: {', '.join(sorted(DECLARED))}"


def test_a_stopped_window_is_not_waited_for(stack, monkeypatch):
    mark(windows.state_dir(stack), "fraud_rate")
    assert wanted(stack) == DECLARED - {"fraud_rate"}
    jobs = [job("click_sessions"), job("merchant_category_per_minute")]
    assert missing(stack, monkeypatch, *jobs) is None


def test_its_variables_are_settings_of_the_window_jobs(stack):
    found = Settings.load(windows.settings(stack))
    assert found.flink_url == "http://127.0.0.1:42030"
    assert found.key() is not None
    assert found.checkpoint_interval_ms == 10_000
