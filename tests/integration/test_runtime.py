"""The supervisor with real processes: small servers for its own rules, real parts for the rest."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil
import pytest

from local import supervise
from local.components import in_order
from local.errors import RuntimeProblem
from local.places import repository
from local.poll import until
from local.processes import members
from local.rpc import Supervisor
from local.stack import Stack
from local.status import status
from tests.support.components import SERVER, Server

BASE = 19600
# Serves, and dies two seconds after each start: longer than `settled_seconds`, so the warden must count it.
FLAPPING = SERVER.replace(
    "import http", "import os, threading; threading.Timer(2, os._exit, [3]).start()\nimport http"
)

NEEDS_A_PERSON = FLAPPING.replace("[3]", "[78]")


@pytest.fixture
def stack():
    home = Path(tempfile.mkdtemp(prefix="kapstan-test-"))
    stack = Stack(home, BASE)
    yield stack
    supervise.down(stack, known={})
    shutil.rmtree(home)


def pid(stack, name):
    return Supervisor(stack.socket).processes()[name].pid


def known(*components):
    return in_order(components)


def two():
    return known(Server("first", "kafka.broker"), Server("second", "registry.http", "first"))


def state(stack, parts, name):
    return next(part for part in status(stack, parts) if part.name == name)


def test_parts_start_after_what_they_need_and_end_before_it(stack):
    seen = []
    parts = two()
    assert supervise.up(stack, known=parts, report=lambda *said: seen.append(said)) == ["first", "second"]
    assert supervise.ready(stack, known=parts) == ["first", "second"]
    assert [name for name, message in seen if message == "starting"] == ["first", "second"]
    seen.clear()
    assert supervise.down(stack, known=parts, report=lambda *said: seen.append(said))
    assert [name for name, message in seen if message == "stopped"] == ["second", "first"]
    assert not members(stack.home)


def test_the_supervisor_of_a_stopped_stack_is_waited_for(stack):
    before = list(supervise._STARTED)
    supervise.up(stack, ["first"], known=two())
    (started,) = [process for process in supervise._STARTED if process not in before]
    assert started.returncode is None
    supervise.down(stack, known=two())
    assert started.returncode is not None
    assert before == supervise._STARTED


def test_what_runs_already_is_left_alone(stack):
    parts = two()
    supervise.up(stack, ["first"], known=parts)
    before = pid(stack, "first")
    assert supervise.up(stack, known=parts) == ["second"]
    assert pid(stack, "first") == before


def test_a_part_that_appeared_since_can_be_started_too(stack):
    supervise.up(stack, known=known(Server("first", "kafka.broker")))
    assert supervise.up(stack, known=two()) == ["second"]


def test_a_killed_part_is_started_again(stack):
    parts = two()
    supervise.up(stack, known=parts)
    before = pid(stack, "first")
    supervise.kill(stack, "first")
    assert until(lambda: pid(stack, "first") not in (0, before), 10)
    supervise.wait_ready(stack, "first", 10, known=parts)


def test_a_part_that_is_stopped_just_when_it_was_killed_stays_down(stack, monkeypatch):
    parts = two()
    supervise.up(stack, known=parts)
    monkeypatch.setattr(supervise, "components", lambda: parts)
    supervisor = Supervisor(stack.socket)
    # A life shorter than `settled_seconds` would end in another state.
    assert until(lambda: supervisor.processes()["first"].state == "RUNNING", 30)
    victim = psutil.Process(pid(stack, "first"))
    supervisord = psutil.Process(int((stack.run / "supervisord.pid").read_text()))
    supervisord.suspend()
    victim.kill()
    # So it learns of the end in the same round in which it is asked what runs.
    goes_on = threading.Timer(1, supervisord.resume)
    goes_on.start()
    supervise.stop_all(stack, ["first"])
    goes_on.join()
    assert not until(lambda: pid(stack, "first") != 0, 3)
    assert supervisor.processes()["first"].state == "STOPPED"


def test_a_part_can_be_restarted_alone(stack):
    parts = two()
    supervise.up(stack, known=parts)
    before = pid(stack, "first"), pid(stack, "second")
    supervise.restart(stack, "first", known=parts)
    assert pid(stack, "first") != before[0]
    assert pid(stack, "second") == before[1]


def test_a_part_that_keeps_dying_is_stopped_and_says_so(stack):
    parts = known(Server("flapping", "kafka.broker", program=FLAPPING))
    supervise.up(stack, known=parts)
    assert until(lambda: state(stack, parts, "flapping").state == "failed", 60)
    assert "8 times" in state(stack, parts, "flapping").detail
    assert until(lambda: pid(stack, "flapping") == 0, 10)


def test_a_part_that_needs_a_person_is_not_started_again_until_it_is_asked_for(stack):
    parts = known(Server("first", "kafka.broker", program=NEEDS_A_PERSON))
    supervise.up(stack, known=parts)
    assert until(lambda: state(stack, parts, "first").state == "failed", 30)
    assert "needs a person" in state(stack, parts, "first").detail
    assert pid(stack, "first") == 0
    supervise.stop(stack, "first", known=parts)
    assert state(stack, parts, "first").state == "stopped"
    assert supervise.up(stack, known=parts) == ["first"]
    assert state(stack, parts, "first").state == "ready"


def test_a_part_that_never_comes_up_fails_the_start_with_its_last_words(stack):
    parts = known(Server("good", "kafka.broker"), Server("bad", "registry.http", "good", program="1/0"))
    with pytest.raises(RuntimeProblem) as caught:
        supervise.up(stack, known=parts)
    problem = caught.value
    assert (problem.part, problem.log, problem.remedy) == ("bad", stack.log("bad"), "look at the test")
    assert "it ended while it was starting, more than once" in problem.what
    assert "ZeroDivisionError" in problem.what
    assert not members(stack.home)


def test_a_part_that_fails_later_leaves_what_ran_before(stack):
    good, bad = Server("good", "kafka.broker"), Server("bad", "registry.http", "good", program="1/0")
    supervise.up(stack, ["good"], known=known(good, bad))
    with pytest.raises(RuntimeProblem):
        supervise.up(stack, known=known(good, bad))
    assert supervise.ready(stack, known=known(good, bad)) == ["good"]


def test_a_port_in_use_is_named_with_its_part_and_holder(stack):
    with socket.create_server(("127.0.0.1", stack.port("registry.http"))):
        with pytest.raises(RuntimeProblem) as caught:
            supervise.up(stack, known=two())
        assert str(caught.value).startswith(
            f"second: port {stack.port('registry.http')} (registry.http) is in use"
        )
        assert f"pid {os.getpid()}" in str(caught.value)
        assert not members(stack.home)


@pytest.mark.parametrize("victims", [("supervisord",), ("warden", "supervisord")], ids=" and ".join)
def test_nothing_survives_a_killed_supervisor(stack, victims):
    parts = two()
    supervise.up(stack, known=parts)
    for victim in victims:
        for process in members(stack.home):
            if any(victim in word for word in words(process)):
                process.kill()
    if "warden" not in victims:
        assert until(lambda: not members(stack.home), 20)
    assert supervise.up(stack, known=parts) == ["first", "second"]  # and nobody is in the way


def test_two_stacks_run_side_by_side(stack):
    other = Stack(stack.home / "other", BASE + 100)
    supervise.up(stack, known=two())
    try:
        supervise.up(other, known=two())
        supervise.down(stack, known=two())
        assert supervise.ready(other, known=two()) == ["first", "second"]
    finally:
        supervise.down(other, known=two())


def test_a_running_stack_keeps_its_ports(stack):
    supervise.up(stack, known=two())
    with pytest.raises(RuntimeProblem, match=f"runs already, with port base {BASE}"):
        supervise.up(Stack(stack.home, BASE + 100), known=two())
    assert supervise.ready(stack, known=two()) == ["first", "second"]


def test_a_supervisor_that_is_ending_already_is_no_obstacle(stack):
    supervise.up(stack, known=two())
    os.kill(int((stack.run / "supervisord.pid").read_text()), signal.SIGTERM)
    supervise.down(stack, known=two())
    assert not members(stack.home)


def test_without_a_stack_the_message_says_how_to_start_one(stack):
    with pytest.raises(RuntimeProblem, match="nothing runs"):
        supervise.kill(stack, "first")
    assert not supervise.down(stack, known=two())


def kapstan(*arguments, home):
    command = [sys.executable, "-P", "-m", "cli", *arguments, "--home", str(home)]
    environ = {**os.environ, "PYTHONPATH": str(repository())}
    return subprocess.Popen(
        command,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in a shell's background ignores SIGINT, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no thread starts it
    )


def test_the_command_line_reports_a_taken_port_in_one_message(stack):
    with socket.create_server(("127.0.0.1", stack.port("kafka.controller"))):
        up = kapstan("up", "--only", "kafka", "--port-base", str(BASE), home=stack.home)
        _, said = up.communicate(timeout=60)
    assert up.returncode == 1
    assert said.startswith("kafka: port")
    assert said.count("\n") == 2


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_start_leaves_nothing(stack, ending):
    up = kapstan("up", "--only", "kafka,registry", "--port-base", str(BASE), home=stack.home)
    assert until(
        lambda: any("quarkus" in word for process in members(stack.home) for word in words(process)), 60
    )
    up.send_signal(ending)
    up.communicate(timeout=120)
    assert up.returncode == 130
    assert not members(stack.home)


def words(process):
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def test_kafka_and_the_registry_come_back_after_kill_9(parts):
    stack = parts.need("kafka", "registry")
    for name in ("kafka", "registry"):
        before = pid(stack, name)
        supervise.kill(stack, name)
        assert until(lambda name=name, before=before: pid(stack, name) not in (0, before), 10)
        supervise.wait_ready(stack, name, 60)


def test_nothing_listens_beyond_this_machine(parts):
    stack = parts.need("kafka", "registry", "seaweedfs")
    ours = {process.pid: process.name() for process in members(stack.home)}
    listening = [
        (ours[connection.pid], connection.laddr.ip)
        for connection in psutil.net_connections("inet")
        if connection.pid in ours and connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) > 10
    assert [(name, ip) for name, ip in listening if ip not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")] == []
