from pathlib import Path

import pytest

from local.errors import RuntimeProblem
from local.seaweedfs import remove_sockets
from local.stack import Stack


def left_behind(folder, part, port):
    path = folder / f"seaweedfs-{part}-{port}.sock"
    path.touch()
    return path


def test_sockets_of_an_earlier_run_on_the_same_ports_are_removed(tmp_path):
    stack = Stack(tmp_path, 18000)
    mine = left_behind(tmp_path, "master-grpc", stack.port("seaweedfs.master-grpc"))
    other = left_behind(tmp_path, "master-grpc", 19015)
    remove_sockets(stack, tmp_path)
    assert not mine.exists()
    assert other.exists()


def test_a_socket_of_another_user_is_named_with_the_remedy(tmp_path, monkeypatch):
    stack = Stack(tmp_path, 18000)
    theirs = left_behind(tmp_path, "master-grpc", stack.port("seaweedfs.master-grpc"))

    def refuse(self, missing_ok=False):
        raise PermissionError(1, "not yours", str(self))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(RuntimeProblem, match=theirs.name) as problem:
        remove_sockets(stack, tmp_path)
    assert "--port-base" in str(problem.value)
