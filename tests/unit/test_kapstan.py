"""The launcher, with small scripts in the place of Python."""

import subprocess

import pytest

from local.places import repository

LAUNCHER = repository() / "kapstan"

# Answers the version question with VERDICT; asked for an environment, prints one whose python echoes.
PYTHON = """#!/bin/sh
case "$1" in
-c) exit {verdict} ;;
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

    def run(pythons, *arguments, cwd=tmp_path, launcher=LAUNCHER):
        for name, verdict in pythons.items():
            script(tools / name, PYTHON.format(verdict=verdict, folder=tmp_path))
        command = ["/bin/sh", str(launcher), *arguments]
        return subprocess.run(
            command, env={"PATH": str(tools)}, cwd=cwd, capture_output=True, text=True, check=False
        )

    return run


def made(tmp_path):
    return (tmp_path / "made").read_text().split("/")[-1].strip()


def test_without_a_fitting_python_it_says_the_remedy_in_one_sentence(launch):
    done = launch({"python3": 1}, "up")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "install" in done.stderr


@pytest.mark.parametrize(
    ("pythons", "taken"),
    [({"python3": 0}, "python3"), ({"python3.12": 1, "python3.11": 0, "python3": 0}, "python3.11")],
)
def test_the_first_python_that_fits_is_taken(launch, tmp_path, pythons, taken):
    launch(pythons, "up")
    assert made(tmp_path) == f"{taken} made kapstan"


@pytest.mark.parametrize(("command", "group"), [("test", "dev"), ("check", "dev"), ("demo", "kapstan")])
def test_tools_for_developers_are_in_an_environment_of_their_own(launch, tmp_path, command, group):
    launch({"python3": 0}, command)
    assert made(tmp_path) == f"python3 made {group}"


def test_arguments_reach_the_command_as_they_are(launch):
    done = launch({"python3": 0}, "up", "--home", "a b", "*")
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
    assert f"PYTHONPATH={repository()}" in launch({"python3": 0}, "up", launcher=link).stdout
