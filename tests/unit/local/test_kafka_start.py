"""The start of Kafka after a kill, with a small program in the place of Java."""

import subprocess
import sys
import time

import psutil
import pytest

from local import kafka_start
from local.kafka_start import alone, end_leftover, settle, was_killed

# Says what it is told to, then waits to be ended; the last word is its settings file, as Kafka's is.
SAYS = "import sys, time; print(sys.argv[1], flush=True); time.sleep(60)"


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    return folder


def test_a_cluster_was_killed_when_it_ran_and_left_no_mark_of_an_end(logs):
    assert not was_killed(logs), "it never ran"
    (logs / "__cluster_metadata-0").mkdir()
    assert was_killed(logs)
    (logs / ".kafka_cleanshutdown").touch()
    assert not was_killed(logs)


def test_the_controller_alone_differs_in_its_settings_and_makes_no_cache(tmp_path):
    command = ["java", "-Xmx9m", "-XX:AOTCacheOutput=/x", "kafka.Kafka", "server.properties"]
    assert alone(command, tmp_path / "c.properties") == [
        "java",
        "-Xmx9m",
        "kafka.Kafka",
        str(tmp_path / "c.properties"),
    ]


def test_the_controller_runs_until_it_has_noted_that_the_broker_is_gone(tmp_path):
    said = f"{kafka_start.ACTIVE.decode()} at epoch 2\n{kafka_start.NOTED.decode()} 1 at epoch 7"
    start = time.monotonic()
    settle(tmp_path, [sys.executable, "-c", SAYS, said, "server.properties"])
    assert time.monotonic() - start < 30
    assert kafka_start.NOTED in (tmp_path / "controller.log").read_bytes()
    assert not running(tmp_path / "controller.properties")


def test_a_controller_that_fails_or_has_nothing_to_note_does_not_hold_the_start_up(tmp_path, monkeypatch):
    monkeypatch.setattr(kafka_start, "_GRACE_S", 0.1)
    start = time.monotonic()
    settle(tmp_path, [sys.executable, "-c", "raise SystemExit(1)", "server.properties"])
    settle(tmp_path, [sys.executable, "-c", SAYS, kafka_start.ACTIVE.decode(), "server.properties"])
    assert time.monotonic() - start < 30
    assert not running(tmp_path / "controller.properties")


def test_a_controller_whose_starter_was_killed_is_ended(tmp_path):
    settings = tmp_path / "controller.properties"
    command = [sys.executable, "-c", SAYS, "x", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL):
        assert running(settings)
        end_leftover(settings)
        assert not running(settings)


def running(settings):
    return [p for p in psutil.process_iter(["cmdline"]) if str(settings) in (p.info["cmdline"] or [])]
