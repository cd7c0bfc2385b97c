import subprocess
import sys

import pytest

from local import supervise
from local.errors import RuntimeProblem
from local.rpc import Process
from local.stack import Stack
from local.supervisord import EXIT_STOP
from tests.support.components import Fake


class Supervisor:
    """A supervisord in which components run until they are stopped; it may be away, or end at an order."""

    def __init__(self):
        self.up, self.log, self.away, self.ends = set(), [], False, False
        self.ended = {}  # name -> exit status, of those whose end supervisord has seen in this round

    def alive(self):
        return not self.away

    def processes(self):
        if self.away:
            return {}
        found = {n: Process(n, "RUNNING" if n in self.up else "STOPPED", 1, 1, "") for n in KNOWN}
        found |= {n: Process(n, "EXITED", 0, 0, "", code) for n, code in self.ended.items()}
        again = {name for name, code in self.ended.items() if code != EXIT_STOP}
        self.up |= again  # the next round starts them again
        self.ended = {name: code for name, code in self.ended.items() if name not in again}
        return found

    def end(self, name, code):
        self.up.discard(name)
        self.ended[name] = code

    def stop_soon(self, name):
        if self.ends:
            self.away = True
            raise ConnectionError("it is ending")
        if name not in self.up:
            return
        self.up.discard(name)
        self.log.append(f"stop {name}")

    def shutdown(self):
        self.away = True


KNOWN = {part.name: part for part in (Fake("kafka"), Fake("enricher", "kafka"), Fake("scorer", "enricher"))}


@pytest.fixture
def stack(tmp_path):
    stack = Stack(tmp_path, 41000)
    stack.record()
    return stack


@pytest.fixture
def supervisor(monkeypatch):
    supervisor = Supervisor()
    supervisor.up = set(KNOWN)

    def start_all(stack, _, starting, report):
        supervisor.log += [f"start {name}" for name in starting]
        supervisor.up |= set(starting)

    monkeypatch.setattr(supervise, "Supervisor", lambda socket: supervisor)
    monkeypatch.setattr(supervise, "start_all", start_all)
    monkeypatch.setattr(supervise, "fetch", lambda artifacts: supervisor.log.append("fetch"))
    monkeypatch.setattr(supervise, "components", lambda: KNOWN)
    return supervisor


def test_a_restart_brings_the_files_then_stops_then_starts(stack, supervisor):
    supervise.restart(stack, "enricher")
    assert supervisor.log == ["fetch", "stop enricher", "start enricher"]


@pytest.mark.parametrize("act", [supervise.start, supervise.restart])
def test_a_part_is_left_alone_when_what_it_needs_does_not_run(stack, supervisor, act):
    supervisor.up -= {"kafka"}
    with pytest.raises(RuntimeProblem, match="it needs kafka, which does not run"):
        act(stack, "enricher")
    assert supervisor.log == []


@pytest.mark.parametrize("act", [supervise.start, supervise.restart])
def test_a_part_is_not_started_with_other_ports_than_the_rest(stack, supervisor, act):
    with pytest.raises(RuntimeProblem, match="with port base 41000"):
        act(Stack(stack.home, 42000), "enricher")
    assert supervisor.log == []


@pytest.mark.parametrize("act", [supervise.start, supervise.stop, supervise.restart])
def test_one_command_at_a_time_changes_a_stack(stack, supervisor, act, monkeypatch):
    held = []
    locked = supervise.locked_folder

    def noted(folder):
        held.append(folder)
        return locked(folder)

    monkeypatch.setattr(supervise, "locked_folder", noted)
    act(stack, "enricher")
    assert held == [stack.run]


@pytest.mark.parametrize("checked", [False, True])
def test_what_is_started_is_checked_once(stack, supervisor, monkeypatch, checked):
    supervisor.up = {"kafka"}
    seen = []
    monkeypatch.setattr(supervise.preflight, "check", lambda _, parts: seen.extend(p.name for p in parts))
    monkeypatch.setattr(supervise, "_serve", lambda stack, supervisor, known, fresh: None)
    assert supervise.up(stack, checked=checked) == ["enricher", "scorer"]
    assert seen == ([] if checked else ["enricher", "scorer"])


def test_what_runs_is_told_for_the_stacks_own_ports_only(stack, supervisor):
    supervisor.up = {"kafka"}
    assert supervise.running(stack) == {"kafka"}
    with pytest.raises(RuntimeProblem, match="with port base 41000"):
        supervise.running(Stack(stack.home, 42000))
    supervisor.away = True
    assert supervise.running(Stack(stack.home, 42000)) == set()


def test_asking_what_runs_makes_no_folder(tmp_path, supervisor):
    assert supervise.running(Stack(tmp_path / "none", 41000)) == set()
    assert not (tmp_path / "none").exists()


def test_some_parts_stop_dependents_first_while_the_others_run_on(stack, supervisor):
    supervise.stop_all(stack, {"enricher", "scorer"})
    assert supervisor.log == ["stop scorer", "stop enricher"]
    assert supervisor.up == {"kafka"}


def test_a_part_that_was_just_killed_is_stopped_once_it_has_begun_again(stack, supervisor):
    supervisor.end("enricher", -1)
    supervise.stop(stack, "enricher")
    assert supervisor.log == ["stop enricher"]
    assert supervisor.up == {"kafka", "scorer"}


def test_a_part_that_is_killed_while_it_waits_for_its_dependents_is_stopped(stack, supervisor):
    stop_soon = supervisor.stop_soon

    def stop_and_kill(name):
        stop_soon(name)
        if name == "scorer":
            supervisor.end("enricher", 1)

    supervisor.stop_soon = stop_and_kill
    supervise.stop_all(stack, {"enricher", "scorer"})
    assert supervisor.up == {"kafka"}


def test_a_part_that_was_just_killed_counts_as_running(stack, supervisor):
    supervisor.end("enricher", -1)
    assert supervise.running(stack) == set(KNOWN)


def test_a_part_that_has_ended_for_good_is_not_waited_for(stack, supervisor):
    supervisor.end("enricher", EXIT_STOP)
    assert supervise.running(stack) == {"kafka", "scorer"}
    supervise.stop(stack, "enricher")
    assert supervisor.log == []


def test_a_supervisor_that_ends_while_parts_are_stopped_has_stopped_them(stack, supervisor):
    supervisor.ends = True
    assert supervise.down(stack, known=KNOWN)


@pytest.mark.parametrize("written", ["", "x", "of a stranger"])
def test_down_does_not_wait_for_a_process_that_is_none_of_the_stacks(stack, supervisor, written):
    supervisor.away = True
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        text = str(stranger.pid) if written == "of a stranger" else written
        (stack.run / "supervisord.pid").write_text(text)
        assert supervise._supervisord(stack) is None
        assert not supervise.down(stack, known=KNOWN)
        assert stranger.poll() is None
        stranger.stdin.close()


def test_the_stacks_own_supervisor_is_found(stack):
    environ = {supervise.MARK: str(stack.home)}
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=environ) as own:
        (stack.run / "supervisord.pid").write_text(f"{own.pid}\n")
        assert supervise._supervisord(stack).pid == own.pid
        own.stdin.close()
