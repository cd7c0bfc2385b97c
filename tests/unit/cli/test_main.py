import sys
import tempfile
import types

import pytest

from cli import __main__ as cli
from cli.options import names
from local.errors import RuntimeProblem


@pytest.fixture
def command(monkeypatch):
    """Register a function as `kapstan probe`."""

    def register(function):
        module = types.ModuleType("probe_command")
        module.probe = function
        monkeypatch.setitem(sys.modules, "probe_command", module)
        monkeypatch.setattr(cli, "COMMANDS", {"probe": ("probe_command", "probe", "Probe.")})
        monkeypatch.setattr("signal.signal", lambda *args: None)

    return register


def test_help_names_every_command_and_imports_none(capsys, monkeypatch):
    monkeypatch.setattr(cli, "load", None)
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_can_be_loaded(name):
    assert callable(cli.load(name))


@pytest.mark.parametrize(("typed", "hint"), [("statsu", "`status`"), ("xyzzy", "--help")])
def test_a_command_that_does_not_exist_gets_a_hint(typed, hint, capsys):
    assert cli.main([typed]) == 2
    assert hint in capsys.readouterr().err


def test_a_problem_is_one_message_and_exit_code_1(command, capsys, tmp_path):
    def probe():
        raise RuntimeProblem("kafka", "it died", log=tmp_path / "kafka.log", remedy="read it")

    command(probe)
    assert cli.main(["probe"]) == 1
    said = capsys.readouterr().err
    assert said == f"kafka: it died\n  log: {tmp_path}/kafka.log\n  remedy: read it\n"


def test_an_interruption_is_exit_code_130(command, capsys):
    def probe():
        raise KeyboardInterrupt

    command(probe)
    with pytest.raises(SystemExit) as ended:
        sys.exit(cli.main(["probe"]))
    assert ended.value.code == 130


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "No such file or directory", "/x/y"), "'/x/y' cannot be used: No such file"),
        (ConnectionResetError("by peer"), "a connection or file failed: ConnectionResetError: by peer"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "not the text it should be"),
        (ValueError("no such day"), "`kapstan probe` failed in a way that it should not, perhaps a bug"),
        (KeyError(), "KeyError"),
    ],
)
def test_any_other_failure_is_one_message_that_names_the_traceback(
    command, capsys, tmp_path, monkeypatch, error, said
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def probe():
        raise error

    command(probe)
    assert cli.main(["probe"]) == 1
    (kept,) = tmp_path.iterdir()
    shown = capsys.readouterr().err
    assert said in shown
    assert "  remedy: " in shown
    assert f"  traceback: {kept}\n" in shown
    assert "Traceback" not in shown
    assert "in probe" in kept.read_text()


def test_a_traceback_that_cannot_be_kept_is_shown(command, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))

    def probe():
        raise ValueError("no such day")

    command(probe)
    assert cli.main(["probe"]) == 1
    assert "in probe" in capsys.readouterr().err


def test_names_are_separated_by_commas():
    assert names(" kafka, registry,,") == ["kafka", "registry"]
    assert names(None) == []
