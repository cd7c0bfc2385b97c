"""The refiner as a process among real parts: new topics, poison, repeats, and kill -9."""

import json
import time

import pytest

from local import supervise
from streamkit.headers import is_heartbeat
from streamkit.read import read_to_end
from tests.support.applied import Applied
from tests.support.catalogues import entry, refined_entry, write
from tests.support.waiting import until

SERVED_WITHIN_S = 10
RESUMED_WITHIN_S = 10


class Family:
    """A topic and its refined form, declared while the refiner runs."""

    def __init__(self, parts, folder, name: str):
        self.stack = parts.need("refiner")
        self.applied = Applied(self.stack, folder)
        self.raw, self.refined = f"{name}.v1", f"{name}.refined.v1"
        write(self.applied.schemas, entry(self.raw))
        write(self.applied.schemas, refined_entry(self.refined, self.raw))
        self.applied.apply()
        codecs = self.applied.codecs()
        self._encoder, self._decoder = codecs.encoder(self.raw), codecs.decoder(self.refined)
        self._producer = self.applied.broker.producer()

    def send(self, *numbers, value=None):
        now_ms = int(time.time() * 1000)
        for number in numbers:
            user = f"u{number % 5}"
            event = {"id": f"e{number}", "user": user, "at": now_ms}
            encoded = self._encoder.encode(event) if value is None else value
            self._producer.send(self.raw, user.encode(), encoded, timestamp_ms=now_ms)
        self._producer.flush(10)

    def refined_ids(self):
        """The number of each refined event, in the order of partitions; heartbeats left out."""
        found = read_to_end(self.applied.broker, self.refined)
        return [
            int(self._decoder.decode(r.value or b"")["id"][1:]) for r in found if not is_heartbeat(r.headers)
        ]

    def close(self):
        self._producer.close()
        self.applied.close()


@pytest.fixture
def family(parts, tmp_path, unique):
    family = Family(parts, tmp_path, unique)
    yield family
    family.close()


def test_a_new_topic_is_served_in_time_without_a_restart(family):
    begun = time.monotonic()
    family.send(1, 2, 1, 3)
    until(lambda: sorted(family.refined_ids()) == [1, 2, 3], SERVED_WITHIN_S)
    assert time.monotonic() - begun < SERVED_WITHIN_S


def test_poison_is_kept_as_a_dead_letter_that_a_person_can_read(family):
    family.send(1)
    family.send(2, value=b"\x00\x00\x00\x00\x01")
    family.send(3, value=b"junk, no Avro")
    family.send(4)
    until(lambda: sorted(family.refined_ids()) == [1, 4], 20)
    until(lambda: len(_letters(family)) == 2, 10)
    by_reason = {letter["reason"]: letter for letter in _letters(family)}
    letter = by_reason["no_magic"]
    assert bytes.fromhex(letter["value"]) == b"junk, no Avro"
    assert letter["service"] == "refiner"
    shown = family.applied.kapstan("dlq", "show", letter["ref"]).stdout
    assert "reason   no_magic" in shown
    assert "000000  6a 75 6e 6b 2c 20 6e 6f 20 41 76 72 6f" in shown
    assert letter["origin"] in shown
    assert "  junk, no Avro" in shown


def test_a_killed_refiner_resumes_in_time_and_writes_each_event_once(family):
    family.send(*range(200))
    until(lambda: len(family.refined_ids()) == 200, 20)
    supervise.kill(family.stack, "refiner")
    begun = time.monotonic()
    family.send(*range(100, 400))
    until(lambda: sorted(family.refined_ids()) == list(range(400)), 40)
    # A new process needs a moment of its own: the promise counts from its start.
    assert time.monotonic() - begun < RESUMED_WITHIN_S + 10


def _letters(family):
    listed = family.applied.kapstan("dlq", "list", "--service", "refiner", "--json")
    return [letter for letter in json.loads(listed.stdout) if letter["topic"] == family.raw]
