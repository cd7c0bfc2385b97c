import json
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from cli import connection, rules
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.read import read_to_end
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from streamkit.testing.registry import MemoryRegistry
from streamkit.topics import plan
from streamkit.topics_apply import Platform, apply, observe
from tests.support.catalogues import SCHEMAS

TWO = """
rules:
  - {code: large, when: amount_minor > 100, outcome: REVIEW, text: It is large.}
  - {code: blocked, when: card_status == "blocked", outcome: DECLINE, text: The card is blocked.}
"""


@pytest.fixture
def platform(monkeypatch):
    broker = MemoryBroker()
    made = Platform(broker, broker.admin(), MemoryRegistry().client(), ManualClock())
    declared = Catalogue.load(SCHEMAS)
    apply(made, declared, plan(declared, observe(made, declared)))

    @contextmanager
    def connected(home, port_base):
        with connection.messages():
            yield made

    monkeypatch.setattr(rules, "connected", connected)
    return made


def run(*arguments):
    return CliRunner().invoke(rules.rules, [str(argument) for argument in arguments])


def published(platform):
    decoder = Codecs(Catalogue.load(SCHEMAS), platform.registry).decoder(rules.TOPIC)
    return [
        decoder.decode(record.value) for record in read_to_end(platform.broker, rules.TOPIC, platform.clock)
    ]


def test_apply_publishes_once_and_then_says_so(platform, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(TWO)
    first, second = run("apply", file, "--json"), run("apply", file)
    answer = json.loads(first.stdout)
    (record,) = published(platform)
    assert record["rule_set_version"] == answer["rule_set_version"]
    assert [rule["code"] for rule in record["rules"]] == ["large", "blocked"]
    assert (answer["rules"], answer["state"]) == (2, "in force")
    assert second.stdout.strip().endswith("in force already")


def test_going_back_to_older_rules_publishes_them_again(platform, tmp_path):
    file, other = tmp_path / "rules.yaml", tmp_path / "other.yaml"
    file.write_text(TWO)
    other.write_text(TWO.replace("100", "200"))
    for each in (file, other, file):
        assert run("apply", each).exit_code == 0
    versions = [record["rule_set_version"] for record in published(platform)]
    assert versions[0] == versions[2] != versions[1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            TWO.replace("amount_minor", "amuont"),
            "rule large: ERROR: <input>:1:1: undeclared reference to 'amuont'",
        ),
        (TWO.replace("REVIEW", "MAYBE"), "rules/0/outcome: Input should be"),
        ("rules: [", "is not YAML"),
        ("", "the file: Input should be"),
    ],
)
def test_broken_rules_are_refused_and_nothing_is_published(platform, tmp_path, text, problem):
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    done = run("apply", file)
    assert done.exit_code == 1
    assert problem in done.stderr
    assert published(platform) == []


def test_check_needs_nothing_running(tmp_path):
    assert run("check").stdout.startswith("6 rules, version ")
    missing = run("check", tmp_path / "none.yaml")
    assert missing.exit_code == 1
    assert "cannot be read: No such file" in missing.stderr


def test_a_file_that_is_no_text_is_refused_with_the_place(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_bytes(b"rules: \xff")
    done = run("check", file)
    assert done.exit_code == 1
    assert f"{file} is not UTF-8 text" in done.stderr
    assert "byte 7" in done.stderr
