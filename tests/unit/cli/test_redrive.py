import json
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from cli import connection, dlq, redrive
from streamkit.catalogue import Catalogue
from streamkit.codecs import DEAD_LETTERS
from streamkit.headers import REDRIVE, find
from streamkit.redrives import REDRIVES
from streamkit.registry import subject_of
from tests.support.catalogues import SCHEMAS
from tests.support.put_aside import DEAD
from tests.unit.cli.test_dlq import Stage

CLICKS = "web.clicks.v1"
RETRY = f"refiner.{CLICKS}.retry"
CLICK = json.loads((SCHEMAS / "examples" / CLICKS / "home.json").read_text())


class Clicks(Stage):
    """A platform whose refiner has refused clicks: of the first the user is wrong, the second is poison."""

    def __init__(self):
        super().__init__()
        catalogue = Catalogue.load(SCHEMAS)
        for topic, partitions in ((CLICKS, 4), (RETRY, 4), (REDRIVES, 1)):
            self.broker.create_topic(topic, partitions)
        for topic in (CLICKS, REDRIVES):
            self.platform.registry.register(subject_of(topic), catalogue[topic].schema)
        self.topic_id = self.platform.admin.topics([CLICKS])[CLICKS].topic_id
        self.letter(0, self._codecs.encoder(CLICKS).encode(CLICK))
        self.letter(1, b"poison")

    def letter(self, offset, value, **changes):
        place = {"source_topic": CLICKS, "source_topic_id": self.topic_id, "source_offset": offset}
        letter_id = f"refiner:{CLICKS}@{self.topic_id}/2/{offset}"
        self.put(
            DEAD_LETTERS, {**DEAD, **place, "dead_letter_id": letter_id, "source_value": value, **changes}
        )

    def back(self):
        decoder = self._codecs.decoder(CLICKS)
        return [decoder.decode(record.value) for record in self.broker.records(RETRY)]


@pytest.fixture
def stage(monkeypatch):
    made = Clicks()

    @contextmanager
    def connected(home, port_base):
        with connection.messages():
            yield made.platform

    monkeypatch.setattr(dlq, "connected", connected)
    monkeypatch.setattr(redrive, "connected", connected)
    return made


def run(*arguments, code=0):
    done = CliRunner().invoke(dlq.dlq, ["redrive", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


def test_an_edited_record_goes_back_once_to_the_partition_it_came_from(stage, tmp_path):
    patch = tmp_path / "patch.json"
    patch.write_text('{"page": "checkout"}')
    assert "d0  went back to refiner" in run("d0", "--edit", patch)
    assert "d0  had gone back before" in run("d0", "--edit", patch)
    (record,) = stage.broker.records(RETRY)
    assert (record.partition, record.key, record.timestamp_ms) == (2, b"u1", DEAD["event_time"])
    assert find(record.headers, "kapstan-tenant") == b"acme"
    assert find(record.headers, REDRIVE)
    assert stage.back()[0]["page"] == "checkout"
    listed = json.loads(CliRunner().invoke(dlq.dlq, ["list", "--json"]).stdout)
    assert [one["marker"] and one["marker"]["state"] for one in listed] == ["SENT", None]
    shown = CliRunner().invoke(dlq.dlq, ["list"]).stdout
    assert shown.count("went back") == 1


def test_a_whole_value_replaces_what_cannot_be_read(stage, tmp_path):
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps(CLICK))
    assert "cannot be applied" in run("d1", "--edit", whole, code=1)
    run("d1", "--value", whole)
    assert [click["page"] for click in stage.back()] == [CLICK["page"]]


def test_many_go_back_at_once_and_what_is_wrong_with_one_keeps_no_other(stage):
    stage.letter(2, b"x", service="fraud_scorer")
    stage.letter(3, b"x", reason="too_large")
    said = run("--service", "refiner", code=1)
    assert "2 of 3 records went back" in said
    assert "d3  refiner had taken the record into its state" in said
    assert len(stage.broker.records(RETRY)) == 2
    assert "0 of 1 records went back" in run("--reason", "too_large", code=1)


def test_a_dry_run_sends_nothing(stage):
    assert "d0  would go back to refiner" in run("d0", "--dry-run")
    assert stage.broker.records(RETRY) == []
    assert stage.broker.records(REDRIVES) == []


def test_json_says_of_each_what_became_of_it(stage):
    (one,) = json.loads(run("d0", "--json"))
    assert (one["ref"], one["done"], one["before"]) == ("d0", True, False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "say which"),
        (("d9",), "there is no record d9"),
        (("d0", "--edit", "/nowhere"), "there is no file"),
        (("d0", "--edit", "LIST"), "no JSON object"),
        (("d0", "--edit", "LIST", "--value", "LIST"), "exclude each other"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(stage, tmp_path, arguments, says):
    listed = tmp_path / "list.json"
    listed.write_text("[1]")
    done = CliRunner().invoke(
        dlq.dlq, ["redrive", *(str(listed) if word == "LIST" else word for word in arguments)]
    )
    assert done.exit_code in (1, 2)
    assert says in " ".join(done.output.replace("│", " ").split())
