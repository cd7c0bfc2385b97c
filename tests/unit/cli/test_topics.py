import json
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from cli import connection, topics
from streamkit.catalogue import Catalogue
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from streamkit.testing.registry import MemoryRegistry
from streamkit.topics import Plan, Refusal
from streamkit.topics_apply import Platform
from tests.support.catalogues import SCHEMAS


@pytest.fixture
def platform(monkeypatch):
    broker = MemoryBroker()
    made = Platform(broker, broker.admin(), MemoryRegistry().client(), ManualClock())

    @contextmanager
    def connected(home, port_base):
        with connection.messages():
            yield made

    monkeypatch.setattr(topics, "connected", connected)
    return made


def run(*arguments):
    return CliRunner().invoke(topics.topics, [*arguments, "--schemas", str(SCHEMAS)])


def test_diff_says_what_apply_would_do_and_changes_nothing(platform):
    done = run("diff")
    assert done.exit_code == 1
    assert "create topic       web.clicks.v1                            4 partitions, cleanup" in done.stdout
    assert "register schema    web.clicks.v1" in done.stdout
    assert platform.admin.topics() == {}


def test_apply_then_diff_finds_nothing(platform):
    assert run("apply").exit_code == 0
    done = run("diff")
    assert (done.exit_code, done.stdout.rsplit(":", 1)[-1].strip()) == (0, "all as declared")
    assert json.loads(run("diff", "--json").stdout) == {"changes": [], "refusals": []}


def test_json_lists_every_change_and_refusal(platform):
    platform.admin.create_topic("web.clicks.v1", 9, {})
    done = run("diff", "--json")
    answer = json.loads(done.stdout)
    assert done.exit_code == 1
    assert {"create topic", "register schema", "set compatibility", "publish"} <= {
        change["action"] for change in answer["changes"]
    }
    assert [refusal["topic"] for refusal in answer["refusals"]] == ["web.clicks.v1"]


def test_apply_refuses_with_the_remedy_and_changes_nothing(platform):
    platform.admin.create_topic("web.clicks.v1", 9, {})
    done = run("apply")
    assert done.exit_code == 1
    assert "refused web.clicks.v1: it has 9 partitions and the catalogue says 4" in done.stdout
    assert "Instead, declare web.clicks.v2 with that many" in done.stdout
    assert list(platform.admin.topics()) == ["web.clicks.v1"]


def test_wrong_files_are_one_message(platform, tmp_path):
    done = CliRunner().invoke(topics.topics, ["diff", "--schemas", str(tmp_path)])
    assert done.exit_code == 1
    assert "expected at least one file <topic>.yaml" in done.stderr


def test_a_refusal_is_shown_as_it_is(capsys):
    refusal = Refusal("web.clicks.v1", 'the type is ["null", "string"] [/x]', "declare [cdc.bank.cards]")
    topics._print(Catalogue.load(SCHEMAS), Plan((), (refusal,)), "not changed")
    shown = capsys.readouterr().out
    assert 'the type is ["null", "string"] [/x].' in shown
    assert "declare [cdc.bank.cards]" in shown
