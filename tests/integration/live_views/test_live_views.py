"""The service as a process against a real broker: what it never shows, what a kill never changes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from local.poll import until
from local.ports import is_free
from services.live_views.keys import row_key
from streamkit.catalogue import Catalogue
from streamkit.headers import HEARTBEAT
from streamkit.kafka.broker import KafkaBroker
from streamkit.outputs import qualified
from streamkit.registry import RegistryClient, subject_of
from streamkit.serde import AvroEncoder

ROOT = Path(__file__).parents[3]
TOPIC = "payments.decisions.v1"
BASE = {
    "card_id": "k1",
    "terminal_id": "t1",
    "category": "books",
    "country": "FR",
    "currency": "EUR",
    "origin": "LIVE",
    "score": 0.1,
    "reasons": [],
    "features": {},
    "credit_limit_minor": 1_000_000,
    "model_hash": "",
    "rule_set_version": "",
    "joins": [],
    "side_positions": {},
}


class Log:
    """Writes decisions in transactions and keeps count of what the views must say."""

    def __init__(self, stack, namespace):
        topic = Catalogue.load(ROOT / "schemas")[TOPIC]
        self.topic = qualified(namespace, TOPIC)
        self.broker = KafkaBroker(stack.bootstrap_servers)
        self.broker.admin().create_topic(self.topic, topic.spec.partitions, {})
        registry = RegistryClient(stack.registry_url)
        schema_id = registry.register(subject_of(self.topic), topic.schema)
        registry.close()
        self.encode = AvroEncoder(topic.schema, schema_id).encode
        self.producer = self.broker.transactional_producer(f"{namespace}-test")
        self.producer.init()
        self.approved = Counter()
        self.sent = 0

    def decide(self, customer, amount, outcome="APPROVE", merchant="Harbour Books", tenant="default"):
        self.sent += 1
        value = {
            **BASE,
            "transaction_id": f"x{self.sent}",
            "tenant": tenant,
            "customer_id": customer,
            "merchant_name": merchant,
            "amount_minor": amount,
            "outcome": outcome,
            "event_time": time.time_ns() // 1_000_000,
        }
        return customer.encode(), self.encode(value)

    def transaction(self, *records, abort=False, headers=()):
        self.producer.begin()
        for key, value in records:
            self.producer.send(self.topic, key, value, headers)
        self.producer.flush(10)
        if abort:
            self.producer.abort()
        else:
            self.producer.commit()

    def approve(self, customer, amount):
        self.approved[customer] += amount
        return self.decide(customer, amount)


class Views:
    """The service's process and its HTTP pages."""

    def __init__(self, stack, namespace, state_dir):
        self.port = next(port for port in range(19_800, 19_900) if is_free(port))
        self.env = {
            **os.environ,
            "KAPSTAN_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "KAPSTAN_REGISTRY_URL": stack.registry_url,
            "KAPSTAN_NAMESPACE": namespace,
            "KAPSTAN_HTTP_PORT": str(self.port),
            "KAPSTAN_STATE_DIR": str(state_dir),
            "KAPSTAN_SCHEMAS_DIR": str(ROOT / "schemas"),
        }
        self.log = (state_dir / "log").open("ab")
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=5)

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.live_views"], cwd=ROOT, env=self.env, stderr=self.log
        )
        assert until(lambda: self.get("/readyz") == 200, 60), Path(self.log.name).read_text()[-3000:]

    def end(self, sign=signal.SIGTERM):
        self.process.send_signal(sign)
        return self.process.wait(30)

    def get(self, path):
        try:
            return self.http.get(path).status_code
        except httpx.TransportError:
            return None

    def json(self, path):
        return self.http.get(path).json()

    def approved(self, customer):
        found = self.json(f"/views/balance/{customer}").get("balances")
        return found[0]["approved_minor"] if found else 0

    def metric(self, line):
        lines = self.http.get("/metrics").text.splitlines()
        return next((float(each.rpartition(" ")[2]) for each in lines if each.startswith(line)), 0.0)


@pytest.fixture
def log(parts, unique):
    made = Log(parts.need("kafka", "registry"), unique)
    yield made
    made.broker.close()


@pytest.fixture
def views(parts, unique, tmp_path, log):
    views = Views(parts.stack, unique, tmp_path)
    views.start()
    yield views
    if views.process.poll() is None:
        views.end(signal.SIGKILL)
    views.http.close()
    views.log.close()


def test_shows_what_was_committed_and_nothing_else(log, views):
    log.transaction(log.approve("c1", 700), log.decide("c1", 90, "DECLINE"))
    log.transaction(log.decide("c1", 11_111), log.decide("c9", 1), abort=True)
    log.transaction(log.decide("c1", 22_222), headers=((HEARTBEAT, b"1"),))
    log.transaction((b"c1", b"\x00\x00\x00\x00\x01poison"), (b"c1", b""))
    log.transaction(log.approve("c1", 55), log.decide("c1", 4, merchant="Mill Foods", tenant="other"))
    assert until(lambda: views.approved("c1") == 755, 20), views.json("/views/balance/c1")

    found = views.json("/views/balance/c1")
    assert found["balances"][0]["balance_minor"] == 1_000_000 - 755
    assert found["balances"][0]["approved_count"] == 2
    assert views.json("/views/balance/c1?tenant=other")["balances"][0]["approved_minor"] == 4
    assert views.get("/views/balance/c9") == 404
    [merchant] = views.json("/views/top-merchants")["merchants"]
    assert (merchant["merchant_name"], merchant["approved_count"]) == ("Harbour Books", 2)
    assert views.metric("kapstan_live_views_heartbeat_records_total") == 1
    assert views.metric('kapstan_live_views_dropped_records_total{reason="no_magic"}') == 1


def test_refuses_questions_that_make_no_sense(views):
    assert views.get("/views/top-merchants?by=height") == 400
    assert views.get("/views/top-merchants?limit=0") == 400


def test_a_kill_changes_no_balance(log, views):
    chance = random.Random(1)
    for batch in range(60):
        records = [log.approve(f"c{chance.randrange(20)}", chance.randrange(1, 1000)) for _ in range(10)]
        log.transaction(*records)
        if batch % 5 == 0:
            log.transaction(log.decide("c0", 10**9), abort=True)
        if batch % 15 == 7:
            views.end(signal.SIGKILL)
            views.start()
    until(lambda: sum(views.approved(c) for c in log.approved) >= log.approved.total(), 60)
    assert {customer: views.approved(customer) for customer in log.approved} == dict(log.approved)


def test_reading_everything_again_changes_no_balance(log, views, unique):
    """What a crash between the rows and their position leads to, at its worst."""
    log.transaction(*[log.approve(f"c{n % 5}", 100 + n) for n in range(50)])
    assert until(lambda: sum(views.approved(c) for c in log.approved) == log.approved.total(), 20)
    assert views.end() == 0
    forget_positions(log, unique)
    views.start()
    assert until(lambda: views.metric("kapstan_live_views_folded_records_total") == 50, 20)
    assert {customer: views.approved(customer) for customer in log.approved} == dict(log.approved)


def forget_positions(log, namespace):
    producer = log.broker.producer()
    start = json.dumps({"v": 1, "next_offset": 0}).encode()
    for partition in range(4):
        key = row_key(partition, "", "position").encode()
        producer.send(f"{namespace}.live_views-positions-changelog", key, start, partition=partition)
    producer.flush(10)
