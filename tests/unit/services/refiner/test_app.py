"""The refiner in its loop, over a broker and a registry in memory."""

import shutil

import pytest

from services.refiner.app import spec
from services.refiner.config import RefinerSettings
from streamkit.catalogue import Catalogue
from streamkit.codecs import DEAD_LETTERS, Codecs
from streamkit.headers import is_heartbeat
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from streamkit.testing.registry import MemoryRegistry
from streamkit.topics import plan
from streamkit.topics_apply import Platform, apply, observe
from tests.support.catalogues import SCHEMAS, entry, event_schema, refined_entry, write
from tests.support.workers import read_all, turn_until, vanish, worker

RAW, REFINED = "web.clicks.v1", "web.clicks.refined.v1"
NOW = 1_790_000_000_000


class Stage:
    """A platform in memory whose catalogue is the project's own, in a folder where topics can be added."""

    def __init__(self, folder):
        self.schemas = folder / "schemas"
        for name in ("topics", "avro"):
            shutil.copytree(SCHEMAS / name, self.schemas / name)
        self.folder = folder
        self.clock = ManualClock(NOW)
        self.broker = MemoryBroker()
        self.registry = MemoryRegistry().client()
        self.workers = []
        self.apply()

    def apply(self):
        declared = Catalogue.load(self.schemas)
        platform = Platform(self.broker, self.broker.admin(), self.registry, self.clock)
        apply(platform, declared, plan(declared, observe(platform, declared)))
        self.codecs = Codecs(declared, self.registry)

    def start(self):
        settings = RefinerSettings(
            bootstrap_servers="memory:1",
            registry_url="http://memory",
            http_port=0,
            state_dir=self.folder / "state",
            schemas_dir=self.schemas,
        )
        self.workers = [worker(spec(settings, self.registry), self.broker, self.folder, clock=self.clock)]

    def send(self, topic, *events, key="user_id"):
        encoder, producer = self.codecs.encoder(topic), self.broker.producer()
        for event in events:
            producer.send(topic, event[key].encode(), encoder.encode(event), timestamp_ms=self.clock.now_ms())

    def ids(self, topic, name="click_id"):
        decoder = self.codecs.decoder(topic)
        records = [record for record in read_all(self.broker, topic) if not is_heartbeat(record.headers)]
        return sorted(decoder.decode(record.value or b"")[name] for record in records)

    def turn_until(self, done):
        turn_until(self.workers, done, 20)


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    stage.start()
    yield stage
    for each in stage.workers:
        each.close()


def click(number):
    return {"click_id": f"w{number}", "user_id": f"u{number % 3}", "page": "/", "event_time": NOW}


def test_clicks_are_refined_once_also_after_a_kill(stage):
    stage.send(RAW, *(click(n) for n in (1, 2, 1, 3)))
    stage.turn_until(lambda: stage.ids(REFINED) == ["w1", "w2", "w3"])
    vanish(stage.workers.pop())
    stage.send(RAW, click(2), click(4))
    stage.start()
    stage.turn_until(lambda: "w4" in stage.ids(REFINED))
    assert stage.ids(REFINED) == ["w1", "w2", "w3", "w4"]


def test_poison_becomes_a_dead_letter_with_its_bytes(stage):
    stage.broker.producer().send(RAW, b"u1", b"junk!", timestamp_ms=NOW)
    stage.send(RAW, click(1))
    stage.turn_until(lambda: stage.ids(REFINED) == ["w1"] and read_all(stage.broker, DEAD_LETTERS))
    (record,) = read_all(stage.broker, DEAD_LETTERS)
    letter = stage.codecs.decoder(DEAD_LETTERS).decode(record.value)
    assert (letter["service"], letter["reason"], letter["source_value"]) == ("refiner", "no_magic", b"junk!")


def test_a_new_topic_is_served_without_a_restart(stage):
    stage.send(RAW, click(1))
    stage.turn_until(lambda: stage.ids(REFINED) == ["w1"])
    write(stage.schemas, entry("shop.carts.v1"), event_schema(name="Cart"))
    write(stage.schemas, refined_entry("shop.carts.refined.v1", "shop.carts.v1"), event_schema(name="Cart"))
    stage.apply()
    stage.send("shop.carts.v1", {"id": "c1", "user": "u1", "at": NOW}, key="user")
    stage.send(RAW, click(2))
    stage.turn_until(lambda: stage.ids("shop.carts.refined.v1", "id") == ["c1"])
    stage.turn_until(lambda: stage.ids(REFINED) == ["w1", "w2"])


def test_a_withdrawn_topic_stops_and_comes_back_where_it_was(stage):
    stage.send(RAW, click(1))
    stage.turn_until(lambda: stage.ids(REFINED) == ["w1"])
    kept = (stage.schemas / "topics" / f"{REFINED}.yaml").read_text()
    (stage.schemas / "topics" / f"{REFINED}.yaml").unlink()
    stage.apply()
    for _ in range(20):
        stage.workers[0].turn()
    stage.send(RAW, click(2))
    (stage.schemas / "topics" / f"{REFINED}.yaml").write_text(kept)
    stage.apply()
    stage.turn_until(lambda: stage.ids(REFINED) == ["w1", "w2"])


def test_silent_partitions_of_the_refined_topic_get_heartbeats(stage):
    def beats():
        return {r.partition for r in read_all(stage.broker, REFINED) if is_heartbeat(r.headers)}

    def seen():
        stage.clock.sleep(1)
        return beats() == {0, 1, 2, 3}

    stage.turn_until(seen)
