import os

import pytest

from local import opensearch
from local.artifacts import Artifact, locked
from local.opensearch import MODULES, OpenSearch
from local.stack import Stack


@pytest.fixture
def stack(tmp_path):
    stack = Stack(tmp_path, 42000)
    stack.record()
    return stack


def test_every_module_is_locked_and_holds_its_own_jar():
    for module in MODULES:
        assert any(module in artifact.name for artifact in locked(f"opensearch-{module}"))


def test_a_module_leaves_out_what_the_node_has_in_any_version(tmp_path, monkeypatch):
    sets = {
        "opensearch": (Artifact("g:shared:jar:1", 1, "0" * 64),),
        "opensearch-m": (Artifact("g:shared:jar:2", 1, "0" * 64), Artifact("g:own:jar:1", 1, "0" * 64)),
    }
    monkeypatch.setattr(opensearch, "locked", lambda name: sets[name])
    (tmp_path / "old-0.jar").touch()
    opensearch._lay_out(tmp_path, "m", "org.example.Plugin")
    assert [path.name for path in tmp_path.glob("*.jar")] == ["own-1.jar"]
    assert "classname=org.example.Plugin\n" in (tmp_path / "plugin-descriptor.properties").read_text()


def test_listens_on_the_loopback_interface_only(stack):
    OpenSearch().prepare(stack)
    lines = (stack.data("opensearch") / "config" / "opensearch.yml").read_text().splitlines()
    assert "network.host: 127.0.0.1" in lines
    assert "http.port: 42040" in lines
    assert "transport.port: 42041" in lines


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands folders to another user")
def test_the_folders_it_writes_are_not_roots(stack):
    OpenSearch().prepare(stack)
    for name in ("", "data", "logs", "config"):
        assert (stack.data("opensearch") / name).stat().st_uid != 0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b'{"status": "green"}', None),
        (b'{"status": "yellow"}', None),
        (b'{"status": "red"}', "the cluster's health is red"),
        (b'{"error": "not ready"}', "the cluster's health is unknown"),
    ],
)
def test_ready_once_its_shards_are_back(stack, monkeypatch, answer, expected):
    monkeypatch.setattr(opensearch, "http_call", lambda *_: (200, answer))
    assert OpenSearch().waiting_for(stack) == expected


def test_says_what_is_missing_while_nothing_answers(stack, monkeypatch):
    def refused(*_):
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(opensearch, "http_call", refused)
    assert OpenSearch().waiting_for(stack) == "no answer on port 42040 (refused)"
