import json

import pytest
import typer

from cli.status import status
from local.stack import Stack


def test_nothing_runs_in_a_folder_that_does_not_exist(tmp_path, capsys):
    with pytest.raises(typer.Exit) as ended:
        status(as_json=True, home=tmp_path / "none")
    assert ended.value.exit_code == 1
    told = json.loads(capsys.readouterr().out)
    assert told["memory_mb"] == 0
    assert {part["state"] for part in told["parts"]} == {"stopped"}


def test_what_was_given_up_says_why(tmp_path, capsys):
    stack = Stack(tmp_path)
    stack.record()
    (stack.run / "kafka.gave-up").write_text("it died 8 times")
    with pytest.raises(typer.Exit):
        status(home=tmp_path)
    assert "it died 8 times" in capsys.readouterr().out


@pytest.mark.parametrize("detail", ["no answer [/127.0.0.1:18000]", "not one of [null, string]"])
def test_what_a_part_says_is_shown_as_it_is(tmp_path, capsys, monkeypatch, detail):
    monkeypatch.setenv("COLUMNS", "200")
    stack = Stack(tmp_path)
    stack.record()
    (stack.run / "kafka.gave-up").write_text(detail)
    with pytest.raises(typer.Exit):
        status(home=tmp_path)
    assert detail in capsys.readouterr().out
