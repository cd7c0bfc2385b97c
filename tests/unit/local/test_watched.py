import subprocess
import sys

import psutil
import pytest

from local.watched import end, run_watched

STUBBORN = (
    "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); sys.stdin.read()"
)


def started(program):
    return subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_what_ignores_the_request_to_end_is_killed():
    with started(STUBBORN) as process:
        process.stdout.readline()
        end(process, 0.2)
        assert process.returncode == -9


def test_what_ends_when_asked_is_not():
    with started("input()") as process:
        end(process)
        assert process.returncode == -15


def test_what_has_ended_keeps_its_status():
    with started("raise SystemExit(3)") as process:
        process.wait(30)
        end(process)
        assert process.returncode == 3


def test_an_interruption_ends_the_process(tmp_path):
    log = tmp_path / "log"

    def interrupt():
        if log.read_text().endswith("\n"):
            raise KeyboardInterrupt

    command = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
    with pytest.raises(KeyboardInterrupt):
        run_watched(command, {}, log, interrupt, 0.01)
    assert not psutil.pid_exists(int(log.read_text()))


def test_it_ends_once_the_watcher_has_seen_enough(tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    assert run_watched(command, {}, tmp_path / "log", lambda: True, 0.01) == -15
