import shutil

import pytest

from cli.reset import reset
from local import supervise
from local.errors import RuntimeProblem
from local.stack import Stack


@pytest.fixture
def stack(tmp_path, monkeypatch):
    monkeypatch.setattr(supervise, "down", lambda stack: True)
    stack = Stack(tmp_path / "home")
    stack.record()
    stack.secret("key", dict)
    (stack.data("kafka") / "log").touch()
    return stack


def test_it_deletes_the_stacks_data(stack):
    reset(yes=True, home=stack.home)
    assert not stack.home.exists()


def test_what_is_not_ours_stays(stack):
    (stack.home / "notes").touch()
    reset(yes=True, home=stack.home)
    assert [path.name for path in stack.home.iterdir()] == ["notes"]


def test_a_folder_that_holds_no_stack_is_left_alone(tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(RuntimeProblem, match="holds no stack"):
        reset(yes=True, home=tmp_path)
    assert (tmp_path / "data").exists()


def test_what_could_not_be_deleted_is_said_and_can_be_tried_again(stack, monkeypatch, capsys):
    delete = shutil.rmtree

    def refuse(path):
        if path.name == "secrets":
            raise PermissionError(13, "Permission denied", str(path))
        delete(path)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(RuntimeProblem, match=r"not everything.*secrets"):
        reset(yes=True, home=stack.home)
    assert "gone" not in capsys.readouterr().out
    monkeypatch.setattr(shutil, "rmtree", delete)
    reset(yes=True, home=stack.home)
    assert not stack.home.exists()


def test_a_damaged_record_is_no_obstacle(stack):
    (stack.run / "stack.json").write_text("{")
    reset(yes=True, home=stack.home)
    assert not stack.home.exists()


def test_without_a_terminal_it_wants_to_be_told(stack, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(RuntimeProblem, match="asks first"):
        reset(home=stack.home)
    assert stack.home.exists()
