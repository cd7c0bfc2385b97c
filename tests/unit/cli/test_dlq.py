import json
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from cli import connection, dlq
from dead_letters.box import REJECTS
from streamkit.catalogue import Catalogue
from streamkit.codecs import DEAD_LETTERS, Codecs
from streamkit.registry import subject_of
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from streamkit.testing.registry import MemoryRegistry
from streamkit.topics_apply import Platform
from tests.support.catalogues import SCHEMAS
from tests.support.put_aside import DEAD, REJECT


class Stage:
    """A platform in memory with the two topics of letters."""

    def __init__(self):
        self.broker = MemoryBroker()
        self.platform = Platform(self.broker, self.broker.admin(), MemoryRegistry().client(), ManualClock())
        catalogue = Catalogue.load(SCHEMAS)
        for topic in (DEAD_LETTERS, REJECTS):
            self.broker.create_topic(topic, 1)
            self.platform.registry.register(subject_of(topic), catalogue[topic].schema)
        self._codecs = Codecs(catalogue, self.platform.registry)

    def put(self, topic, value, at_ms=0):
        if isinstance(value, dict):
            value = self._codecs.encoder(topic).encode(value)
        self.broker.producer().send(topic, b"key", value, [("raw", b"\xff")], at_ms)


@pytest.fixture
def stage(monkeypatch):
    made = Stage()

    @contextmanager
    def connected(home, port_base):
        with connection.messages():
            yield made.platform

    monkeypatch.setattr(dlq, "connected", connected)
    return made


def run(*arguments):
    done = CliRunner().invoke(dlq.dlq, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_newest_of_both_topics_are_listed_the_oldest_of_them_first(stage):
    for number in range(3):
        stage.put(DEAD_LETTERS, {**DEAD, "event_time": 1000 - number})
    stage.put(REJECTS, {**REJECT, "event_time": 999})
    assert [one["ref"] for one in json.loads(run("list", "--last", "3", "--json"))] == ["d1", "g0", "d0"]
    assert "2 of 4 records" in run("list", "-n", "2")


@pytest.mark.parametrize("bad", [b"poison", None, b"\x00\x00\x00\x00\x63abc"])
@pytest.mark.parametrize(("topic", "ref"), [(DEAD_LETTERS, "d1"), (REJECTS, "g1")])
def test_a_record_that_is_no_letter_is_shown_as_it_is_among_the_others(stage, bad, topic, ref):
    good = DEAD if topic == DEAD_LETTERS else REJECT
    for value in (good, bad, good):
        stage.put(topic, value, DEAD["event_time"])
    listed = {one["ref"]: one for one in json.loads(run("list", "--json"))}
    assert len(listed) == 3
    assert (listed[ref]["reason"], listed[ref]["origin"]) == ("unreadable", f"{topic}/0/1")
    assert listed[ref]["value"] == (None if bad is None else bad.hex())
    assert listed[ref]["headers"] == [["raw", "ff"]]
    assert [one["ref"] for one in json.loads(run("list", "--reason", "unreadable", "--json"))] == [ref]
    shown = run("show", ref)
    assert f"This record of {topic} cannot be read as a letter: " in shown
    assert "reason   unreadable" in shown
    assert good["reason"] in run("show", ref.replace("1", "2"))
