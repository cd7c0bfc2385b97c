"""`kapstan demo` as a user runs it: measured and ended by itself, then again, ended by Ctrl-C."""

import json
import os
import signal
import subprocess
import sys

import pytest

from local.components import components
from local.places import repository
from local.processes import members
from tests.support.parts import fresh_stack, note_ready
from tests.support.waiting import until

PORT_BASE = 19400
EVERY_PART = set(components())


class Run:
    """One `kapstan demo`, in a process group of its own as a terminal would give it."""

    def __init__(self, stack, folder, *options):
        where = ("--home", str(stack.home), "--port-base", str(stack.port_base))
        self._out, self._err = folder / "out", folder / "err"
        # A shell has its background jobs ignore Ctrl-C, and whatever they start inherits that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cli", "demo", *options, *where],
                cwd=repository(),
                env={**os.environ, "PYTHONPATH": str(repository())},
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def ends_well(self, seconds):
        try:
            assert self.process.wait(seconds) == 0, self.err()
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {seconds} s: {self.err()}")

    def out(self):
        return self._out.read_text()

    def err(self):
        return self._err.read_text()


@pytest.fixture(scope="module")
def stack():
    with fresh_stack(PORT_BASE) as fresh:
        yield fresh


@pytest.fixture
def demo(stack, tmp_path):
    runs = []

    def run(*options):
        folder = tmp_path / str(len(runs))
        folder.mkdir()
        runs.append(Run(stack, folder, *options))
        return runs[-1]

    yield run
    for each in runs:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


@pytest.mark.timeout(600)
def test_a_first_run_measures_itself(stack, demo):
    run = demo("--for", "15", "--json", "--history-days", "2", "--rate", "20")
    run.ends_well(540)
    *others, line = run.out().splitlines()
    assert others == [], "the JSON line is all that stands on stdout"
    found = json.loads(line)
    assert (found["lost"], found["doubled"]) == (0, 0)
    assert found["decisions"] > 100
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["p999_ms"]
    assert found["repeats"] >= 0
    assert found["late"] >= 0
    assert 0 < found["start_seconds"] < 600
    assert found["memory_mb"] > 500
    # Raw, enriched and decided: each event of two days is in bronze at least three times.
    assert found["bronze_rows"] > 3 * 10_000
    assert found["window_rows"] > 100
    assert found["search_documents"] > 10_000
    assert members(stack.home) == []


@pytest.mark.timeout(300)
def test_a_second_run_goes_on_and_ctrl_c_stops_all_of_it(stack, demo):
    run = demo()
    until(lambda: "Waiting for the first decision: done" in run.err() or run.process.poll() is not None, 200)
    assert run.process.poll() is None, run.err()
    assert "history" not in run.err().lower(), "the history is there already"
    assert note_ready(stack) == EVERY_PART
    os.killpg(run.process.pid, signal.SIGINT)
    run.ends_well(90)
    assert "Traceback" not in run.err()
    assert members(stack.home) == []
