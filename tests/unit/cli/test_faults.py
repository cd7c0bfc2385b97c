"""`kapstan test faults --seeds`: what is handed on, and what is refused."""

import sys

import pytest
from click.testing import CliRunner

from cli import faults
from cli.__main__ import load


@pytest.fixture
def commands(monkeypatch):
    ran = []

    def side_by_side(commands, *, cwd, env):
        ran.extend(commands)
        return [3]

    monkeypatch.setattr(faults, "side_by_side", side_by_side)
    return ran


def kapstan_test(*arguments):
    return CliRunner().invoke(load("test"), arguments)


def test_seeds_run_the_suites_own_program_and_its_exit_code_is_the_commands(commands):
    done = kapstan_test("faults", "--seeds", "7", "--from", "30", "--only", "kill,crash", "--json")
    assert done.exit_code == 3
    (command,) = commands
    assert command[:3] == [sys.executable, "-m", "tests.faults"]
    assert command[3:] == ["--from", "30", "--only", "kill,crash", "--seeds", "7", "--json"]


def test_the_table_runs_nothing(commands):
    assert kapstan_test("faults", "--table").exit_code == 3
    assert commands[0][-2:] == ["0", "--table"]


def test_the_controls_are_a_program_of_their_own(commands):
    assert kapstan_test("faults", "--controls", "--json").exit_code == 3
    assert commands == [[sys.executable, "-m", "tests.faults.controls", "--json"]]


@pytest.mark.parametrize("options", [("--seeds", "7"), ("--controls",), ("--table",)])
@pytest.mark.parametrize("tiers", [(), ("unit",), ("faults", "unit")])
def test_other_tiers_have_none_of_it(commands, tiers, options):
    done = kapstan_test(*tiers, *options)
    assert done.exit_code == 2
    assert commands == []
