import os
import stat
import subprocess

from supervisor.options import UnhosedConfigParser

from local.component import Component
from local.stack import Stack
from local.supervisord import settings, write_script

AWKWARD = 'it\'s %(here)s; $HOME # "x"'


class Part(Component):
    name = "part"
    stop_signal = "INT"
    stop_seconds = 7
    as_nobody = True
    remedy = "none"

    def command(self, stack):
        return ["/bin/sh", "-c", 'printf "%s|%s|%s" "$1" "$VALUE" "$PWD"', "sh", AWKWARD]

    def environment(self, stack):
        return {"VALUE": AWKWARD}

    def waiting_for(self, stack):
        return None


def parsed(text):
    parser = UnhosedConfigParser()
    parser.read_string(text)
    return parser


def test_a_program_is_not_started_by_itself_and_is_ended_as_it_wants(tmp_path):
    program = parsed(settings(Stack(tmp_path), [Part()]))["program:part"]
    assert program["autostart"] == "false"
    assert (program["stopsignal"], program["stopwaitsecs"]) == ("INT", "7")
    assert program["command"] == f"/bin/sh {tmp_path}/run/part.sh"


def test_only_root_asks_for_another_user(tmp_path, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert parsed(settings(Stack(tmp_path), [Part()]))["program:part"]["user"] == "nobody"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "user" not in parsed(settings(Stack(tmp_path), [Part()]))["program:part"]


def test_the_socket_and_all_else_lie_in_the_home(tmp_path):
    text = settings(Stack(tmp_path / "100%"), [Part()])
    assert f"file={tmp_path}/100%%/run/supervisor.sock" in text


def test_the_script_runs_exactly_the_command_whatever_is_in_it(tmp_path):
    stack = Stack(tmp_path)
    stack.record()
    write_script(stack, Part(), {"JAVA_TOOL_OPTIONS": "-Dx"})
    script = stack.run / "part.sh"
    assert stat.S_IMODE(script.stat().st_mode) == 0o700
    done = subprocess.run(["/bin/sh", str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == f"{AWKWARD}|{AWKWARD}|{stack.data('part')}"
    assert "unset JAVA_TOOL_OPTIONS" in script.read_text()


def test_a_part_in_the_background_yields_to_the_others(tmp_path):
    stack, part = Stack(tmp_path), Part()
    stack.record()
    part.background = True
    part.command = lambda stack: ["python3", "-c", "import os; print(os.nice(0))"]
    write_script(stack, part)
    script = str(stack.run / "part.sh")
    done = subprocess.run(["/bin/sh", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= os.nice(0) + 10
