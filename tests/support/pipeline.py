"""What the end-to-end tests see of a running pipeline, each store read by a client of its own."""

import io
import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import fastavro
import httpx
from confluent_kafka import Consumer, Producer
from pyiceberg.exceptions import NoSuchTableError

from local.places import repository
from local.services import demo_key
from services.lake_sink.catalog import open_catalog
from tests.support.lake_settings import lake_settings

TRANSACTIONS = "payments.transactions.v1"
DECISIONS = "payments.decisions.v1"
CORE = ("ingest_gateway", "refiner", "enricher", "fraud_scorer", "lake_sink")


def transaction(number, **changes):
    """A good transaction of a customer, card and terminal with this number, as a client sends it."""
    now = time.time_ns() // 1_000_000
    return {
        "transaction_id": f"e2e-{now}-{number}",
        "customer_id": f"c{number:06}",
        "card_id": f"k{number:06}",
        "terminal_id": f"t{number:06}",
        "amount_minor": 4250,
        "currency": "EUR",
        "entry_mode": "CHIP",
        "event_time": now,
        **changes,
    }


class Decisions:
    """A read_committed consumer of the decisions, by a client that is not streamkit's."""

    def __init__(self, stack):
        self._schema = fastavro.parse_schema(
            json.loads((repository() / "schemas" / "avro" / f"{DECISIONS}.avsc").read_text())
        )
        self._consumer = Consumer(
            {
                "bootstrap.servers": stack.bootstrap_servers,
                "group.id": "e2e-decisions",
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                # A broker that was killed is back long before the default would look for it again (10 s).
                "reconnect.backoff.max.ms": 1_000,
                "logger": logging.getLogger(__name__),
            }
        )
        self._consumer.subscribe([DECISIONS])
        self.of = Counter()
        self.seen = []

    def poll(self, seconds=0.2):
        """Takes what is there; returns how many decisions were new."""
        new = 0
        for message in self._consumer.consume(500, seconds):
            if message.error() or "kapstan-heartbeat" in dict(message.headers() or ()):
                continue
            value = fastavro.schemaless_reader(_Bytes(message.value()[5:]), self._schema, None)
            self.of[value["transaction_id"]] += 1
            self.seen.append(value)
            new += 1
        return new

    def wait_for(self, ids, seconds=60.0):
        """Blocks until each id has a decision."""
        deadline = time.monotonic() + seconds
        while missing := set(ids) - set(self.of):
            assert time.monotonic() < deadline, (
                f"{len(missing)} of {len(ids)} undecided: {sorted(missing)[:5]}"
            )
            self.poll()

    def close(self):
        self._consumer.close()


class _Bytes:
    def __init__(self, data):
        self._data, self._at = data, 0

    def read(self, size):
        self._at += size
        return self._data[self._at - size : self._at]


def encode(stack, topic, value):
    """A value in the registry's wire format, its schema the catalogue's."""
    text = (repository() / "schemas" / "avro" / f"{topic}.avsc").read_text()
    answer = httpx.post(
        f"{stack.registry_url}/apis/ccompat/v7/subjects/{topic}-value/versions",
        json={"schema": text},
        timeout=15,
    )
    out = io.BytesIO(b"\x00" + answer.raise_for_status().json()["id"].to_bytes(4, "big"))
    out.seek(5)
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(text)), value)
    return out.getvalue()


def put(stack, topic, key, value, headers=()):
    """Write one record past the gateway, as somebody else's producer would; returns (partition, offset)."""
    placed = []
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "acks": "all"})
    producer.produce(
        topic,
        value,
        key,
        headers=list(headers),
        on_delivery=lambda error, message: placed.append((error, message)),
    )
    assert producer.flush(20) == 0
    ((error, message),) = placed
    assert error is None
    return message.partition(), message.offset()


def kapstan(stack, *arguments):
    """Run a command on the stack; returns what it printed. It has to succeed."""
    where = ("--home", str(stack.home), "--port-base", str(stack.port_base))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "cli", *arguments, *where],
        cwd=repository(),
        env={**os.environ, "PYTHONPATH": str(repository())},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def client(stack):
    """An HTTP client with the demo's key."""
    return httpx.Client(
        base_url=stack.url("ingest_gateway.http"), headers={"X-API-Key": demo_key(stack)}, timeout=15
    )


@contextmanager
def traffic(stack, ledger, rate=40):
    """Live traffic beside the test; on exit it is stopped and its ledger is complete."""
    command = [
        *(sys.executable, "-P", "-m", "traffic"),
        *("--scenario", str(stack.home / "scenario.json"), "--ledger", str(ledger)),
        *("--schemas", str(repository() / "schemas"), "--rate", str(rate)),
        *(
            "--http",
            stack.url("ingest_gateway.http"),
            "--grpc",
            f"127.0.0.1:{stack.port('ingest_gateway.grpc')}",
        ),
        *("--api-key-file", str(stack.secret_file("demo-key"))),
    ]
    process = subprocess.Popen(command, cwd=repository(), stdout=subprocess.DEVNULL)
    try:
        yield process
        assert process.poll() is None, f"the traffic ended by itself with {process.returncode}"
    finally:
        process.terminate()
        process.wait(60)


def acknowledged(ledger: Path, topic=TRANSACTIONS):
    """(partition, offset) -> event id of what the gateway acknowledged, from the senders' ledger."""
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    return {(x["partition"], x["offset"]): x["event_id"] for x in lines if x["topic"] == topic}


def bronze(stack, topic, columns):
    """The rows of a topic's bronze table, as dictionaries; none before its first commit."""
    settings = lake_settings(stack, stack.home / "unused")
    try:
        table = open_catalog(settings).load_table(("bronze", topic.replace(".", "_").replace("-", "_")))
    except NoSuchTableError:
        return []
    if not set(columns) <= set(table.schema().column_names):
        return []  # it was made a moment ago; the topic's own columns come with its first rows
    return table.scan(selected_fields=columns).to_arrow().to_pylist()
