import os
import subprocess

import pytest

from local.places import repository


def launched(*arguments, **environ):
    return subprocess.run(
        [str(repository() / "kapstan"), *arguments],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_python_that_was_named_and_does_not_fit_is_not_passed_over():
    done = launched("--help", KAPSTAN_PYTHON="/nonexistent/python")
    assert done.returncode == 1
    assert "KAPSTAN_PYTHON is '/nonexistent/python'" in done.stderr
    assert "remedy:" in done.stderr


@pytest.mark.parametrize("asked", ["--help", "help"])
def test_help_makes_no_environment(asked, tmp_path):
    done = launched(asked, KAPSTAN_CACHE=str(tmp_path / "cache"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: kapstan" in done.stdout
    assert not (tmp_path / "cache").exists()
