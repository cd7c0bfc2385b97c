"""kill -9 of workers in a group of two, on a real Kafka: nothing doubled or lost, running counts right."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from streamkit.crashpoints import VARIABLE
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.bounds import present_ends
from tests.support.counting_worker import STARTED
from tests.support.workers import assert_counted_once, make_topics, read_all

pytestmark = pytest.mark.integration

# KAPSTAN_KILL_EVENTS=30000 repeats the measurement that chose the engine (decision 0001).
EVENTS = int(os.environ.get("KAPSTAN_KILL_EVENTS", "6000"))
KEYS = 300
PER_SECOND = 500


class Slots:
    """Two worker processes; a killed one is started again in its slot, as a supervisor does."""

    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.processes = {slot: self.start(slot) for slot in ("0", "1")}

    def start(self, slot, **environment):
        command = [
            sys.executable,
            "-m",
            "tests.support.counting_worker",
            *self.arguments,
            str(self.folder),
            slot,
        ]
        with (self.folder / f"{slot}.log").open("ab") as log:
            return subprocess.Popen(command, stderr=log, env={**os.environ, **environment})

    def replace(self, slot, **environment):
        self.processes[slot].wait(30)
        self.processes[slot] = self.start(slot, **environment)

    def stop(self):
        for slot, process in self.processes.items():
            started = f"{STARTED} {process.pid}\n".encode()
            log = self.folder / f"{slot}.log"
            wait_for(lambda log=log, started=started: started in log.read_bytes(), 30, "the worker started")
            process.send_signal(signal.SIGTERM)
        return [process.wait(30) for process in self.processes.values()]

    def kill(self):
        for process in self.processes.values():
            process.kill()
            process.wait(30)


@pytest.fixture
def kafka(bootstrap_servers):
    broker = KafkaBroker(bootstrap_servers)
    yield broker
    broker.close()


@pytest.fixture
def slots(kafka, bootstrap_servers, topic, tmp_path):
    make_topics(kafka, topic, 4)
    made = Slots((bootstrap_servers, topic), tmp_path)
    yield made
    made.kill()


def send_steadily(broker, topic, sent):
    producer = broker.producer()
    start = time.monotonic()
    for number in range(EVENTS):
        key, value = b"k%d" % (number * 7919 % KEYS), b"v%d" % number
        producer.send(topic, key, value, (), 1_700_000_000_000)
        sent.append((key, value))
        time.sleep(max(0.0, start + number / PER_SECOND - time.monotonic()))
    producer.flush(30)


def wait_for(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} not within {seconds} s"
        time.sleep(0.05)


def test_kills_in_a_group_of_two(kafka, slots, topic):
    sent, chance = [], random.Random(7)
    sender = threading.Thread(target=send_steadily, args=(kafka, topic, sent))
    sender.start()
    admin = kafka.admin()
    kills = 0
    while sender.is_alive():
        time.sleep(chance.uniform(0.6, 1.8))
        slot = chance.choice("01")
        slots.processes[slot].kill()
        slots.replace(slot)
        kills += 1
    sender.join()
    ends = present_ends(kafka, (topic,))
    wait_for(lambda: admin.group_offsets(topic, list(ends)).covers(ends), 60, "the backlog was worked off")
    assert slots.stop() == [0, 0]
    assert kills >= 4
    assert_counted_once(sent, read_all(kafka, f"{topic}-counts"))


@pytest.mark.parametrize(
    "point", ["transaction.after_outputs", "transaction.after_offsets", "transaction.after_commit"]
)
def test_a_crash_at_an_edge_is_made_good_within_ten_seconds(point, kafka, slots, topic):
    slots.kill()
    sent = [(b"k%d" % (n % 20), b"v%d" % n) for n in range(400)]
    producer, admin = kafka.producer(), kafka.admin()
    for key, value in sent:
        producer.send(topic, key, value)
    producer.flush(10)
    slots.processes["0"] = slots.start("0", **{VARIABLE: point})
    assert slots.processes["0"].wait(60) == -signal.SIGKILL
    slots.replace("0")
    started = time.monotonic()
    wait_for(lambda: bool(read_all(kafka, f"{topic}-counts")), 10, f"outputs, started at {started:.1f},")
    ends = present_ends(kafka, (topic,))
    wait_for(lambda: admin.group_offsets(topic, list(ends)).covers(ends), 30, "the backlog was worked off")
    assert_counted_once(sent, read_all(kafka, f"{topic}-counts"))
