"""The launcher, mostly with small scripts in the place of Python."""

import os
import subprocess
from pathlib import Path

import pytest

from local.places import repository

LAUNCHER = repository() / "kapstan"

# Asked what it is, it answers with VERDICT; asked for an environment, prints one whose python echoes.
PYTHON = """#!/bin/sh
case "$1" in
-c) echo {verdict} ;;
-P) echo "$0 made $4" >> "{folder}/made"; echo "{folder}/environment" ;;
esac
"""
ECHO = '#!/bin/sh\necho "PYTHONPATH=$PYTHONPATH"\nfor word in "$@"; do echo "$word"; done\n'


@pytest.fixture
def launch(tmp_path):
    def script(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    script(tmp_path / "environment" / "bin" / "python", ECHO)
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("dirname", "readlink"):
        (tools / tool).symlink_to(f"/usr/bin/{tool}")

    def run(pythons, *arguments, launcher=LAUNCHER, **environ):
        """With these Pythons on PATH; `pythons` gives verdicts by name or by folder/name."""
        folders = {"tools": None, **{name.rpartition("/")[0] or "tools": None for name in pythons}}
        for name, verdict in pythons.items():
            where = tmp_path / (name if "/" in name else f"tools/{name}")
            script(where, PYTHON.format(verdict=verdict, folder=tmp_path))
        return subprocess.run(
            ["/bin/sh", str(launcher), *arguments],
            env={"PATH": ":".join(str(tmp_path / each) for each in folders), **environ},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def made(tmp_path):
    return str(Path((tmp_path / "made").read_text().strip()).relative_to(tmp_path)).removeprefix("tools/")


def test_without_a_fitting_python_it_says_the_remedy_in_one_sentence(launch):
    done = launch({"python3": "neither"}, "up")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "install" in done.stderr


@pytest.mark.parametrize(
    ("pythons", "taken"),
    [
        ({"python3": "fits"}, "python3"),
        ({"python3.12": "neither", "python3.11": "fits", "python3": "fits"}, "python3.11"),
        ({"python3.12": "fits", "python3.11": "fast", "python3": "fast"}, "python3.11"),
        ({"a/python3.11": "fits", "b/python3.11": "fast", "c/python3.11": "fast"}, "b/python3.11"),
        ({"a/python3.11": "neither", "b/python3.11": "fits", "c/python3.12": "neither"}, "b/python3.11"),
    ],
)
def test_the_first_python_that_was_built_well_is_taken_else_the_first_that_fits(
    launch, tmp_path, pythons, taken
):
    launch(pythons, "up")
    assert made(tmp_path) == f"{taken} made kapstan"


def test_a_python_that_was_named_is_taken_however_it_was_built(launch, tmp_path):
    launch({"a/python3": "fits", "b/python3": "fast"}, "up", KAPSTAN_PYTHON=str(tmp_path / "a" / "python3"))
    assert made(tmp_path) == "a/python3 made kapstan"


def test_a_python_that_was_named_and_does_not_fit_is_not_passed_over(launch):
    done = launch({"python3": "fast"}, "up", KAPSTAN_PYTHON="/nonexistent/python")
    assert done.returncode == 1
    assert "KAPSTAN_PYTHON is '/nonexistent/python'" in done.stderr
    assert "remedy:" in done.stderr


@pytest.mark.parametrize("asked", ["--help", "help"])
def test_help_is_given_by_the_machines_own_python_without_an_environment(asked, tmp_path):
    done = subprocess.run(
        [str(LAUNCHER), asked],
        env={"PATH": os.environ["PATH"], "KAPSTAN_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: kapstan" in done.stdout
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(("command", "group"), [("test", "dev"), ("check", "dev"), ("demo", "kapstan")])
def test_tools_for_developers_are_in_an_environment_of_their_own(launch, tmp_path, command, group):
    launch({"python3": "fits"}, command)
    assert made(tmp_path) == f"python3 made {group}"


def test_arguments_reach_the_command_as_they_are(launch):
    done = launch({"python3": "fits"}, "up", "--home", "a b", "*")
    assert done.stdout.splitlines() == [
        f"PYTHONPATH={repository()}",
        "-P",
        "-m",
        "cli",
        "up",
        "--home",
        "a b",
        "*",
    ]


def test_it_can_be_called_through_a_link(launch, tmp_path):
    link = tmp_path / "k"
    link.symlink_to(LAUNCHER)
    assert f"PYTHONPATH={repository()}" in launch({"python3": "fits"}, "up", launcher=link).stdout
