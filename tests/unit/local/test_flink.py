import os
from pathlib import Path

import pytest
import yaml

from local import environment, flink
from local.flink import FRAMEWORK_HEAP_MB, TASK_HEAP_MB, JobManager, TaskManager, client_environment
from local.stack import Stack


@pytest.fixture
def stack(tmp_path, monkeypatch):
    pyflink = tmp_path / "env" / "lib" / "python3.11" / "site-packages" / "pyflink"
    for jar in ("lib/flink-dist-2.1.3.jar", "opt/flink-python-2.1.3.jar", "opt/flink-sql-client-2.1.3.jar"):
        (pyflink / jar).parent.mkdir(parents=True, exist_ok=True)
        (pyflink / jar).touch()
    monkeypatch.setattr(environment, "ensure", lambda group: tmp_path / "env" if group == "flink" else None)
    stack = Stack(tmp_path / "home", 42000)
    stack.record()
    return stack


def settings(stack):
    JobManager().prepare(stack)
    return yaml.safe_load((stack.data("flink") / "conf" / "config.yaml").read_text())


def test_every_port_is_given_and_every_address_is_the_loopback_interface(stack):
    found = settings(stack)
    ports = {key: value for key, value in found.items() if key.endswith("port")}
    assert sorted(set(ports.values())) == [42030, 42031, 42032, 42033, 42034]
    hosts = {value for key, value in found.items() if key.endswith(("address", "host"))}
    assert hosts == {"127.0.0.1"}


def test_the_heap_is_what_flink_was_told(stack):
    found = settings(stack)
    assert found["taskmanager.memory.task.heap.size"] == f"{TASK_HEAP_MB}m"
    assert f"-Xmx{FRAMEWORK_HEAP_MB + TASK_HEAP_MB}m" in TaskManager().command(stack)


def test_ended_jobs_are_not_kept_where_the_taskmanager_clears_away(stack):
    assert settings(stack)["jobstore.type"] == "Memory"


def test_a_busy_machine_may_take_longer_to_answer_than_flink_gives_it(stack):
    found = settings(stack)
    assert found["pekko.ask.timeout"] == "60 s"
    assert found["heartbeat.timeout"] < 60_000, "else nobody would know that a TaskManager is gone"


def test_what_a_killed_process_left_is_cleared_away_but_not_the_checkpoints(stack):
    settings(stack)
    left = stack.data("flink") / "tmp" / "flink-rpc-akka.jar"
    kept = flink.checkpoints_dir(stack) / "sales"
    left.touch()
    kept.mkdir()
    settings(stack)
    assert not left.exists()
    assert kept.exists()


def test_a_taskmanager_has_worked_once_a_job_ran(stack):
    settings(stack)
    assert not TaskManager().has_worked(stack)
    (flink.checkpoints_dir(stack) / "sales" / "0f1e" / "chk-1").mkdir(parents=True)
    assert TaskManager().has_worked(stack)


def test_a_client_sees_the_clusters_jars_and_the_one_that_speaks_python(stack):
    stale = stack.data("flink") / "home" / "lib" / "old.jar"
    stale.parent.mkdir(parents=True)
    stale.symlink_to("/nowhere")
    for _ in range(2):
        environ = client_environment(stack)
    home = stack.data("flink") / "home"
    assert environ["FLINK_HOME"] == str(home)
    assert {jar.name for jar in (home / "lib").iterdir()} == {
        Path(jar).name for jar in flink.flink_classpath().split(os.pathsep)
    }
    assert [jar.name for jar in (home / "opt").iterdir()] == ["flink-python-2.1.3.jar"]
    assert not stale.is_symlink()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(b'{"slots-total": 8}', None), (b'{"slots-total": 0}', "it has not registered with the JobManager yet")],
)
def test_a_taskmanager_is_ready_once_the_jobmanager_has_its_slots(stack, monkeypatch, answer, expected):
    monkeypatch.setattr(flink, "http_call", lambda *_: (200, answer))
    assert TaskManager().waiting_for(stack) == expected


def test_a_taskmanager_says_when_there_is_no_jobmanager(stack, monkeypatch):
    def refused(*_):
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(flink, "http_call", refused)
    assert TaskManager().waiting_for(stack) == "the JobManager does not answer on port 42030 (refused)"
