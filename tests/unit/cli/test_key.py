import pytest

import cli.__main__ as cli
from local.services import demo_key
from local.stack import Stack


def test_the_key_of_a_stack_is_printed(tmp_path, capsys):
    stack = Stack(tmp_path)
    stack.record()
    made = demo_key(stack)
    with pytest.raises(SystemExit) as ended:
        cli.main(["key", "--home", str(tmp_path)])
    assert not ended.value.code
    assert capsys.readouterr().out == made + "\n"


def test_a_stack_that_was_never_started_has_none_and_gets_none(tmp_path, capsys):
    home = tmp_path / "none"
    assert cli.main(["key", "--home", str(home)]) == 1
    assert "start it first" in capsys.readouterr().err
    assert not home.exists()
