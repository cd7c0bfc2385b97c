import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.poll import until
from services.lake_sink.catalog import open_catalog
from services.lake_sink.config import LakeSettings
from services.lake_sink.tables import Tables
from streamkit.avro import Schema
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient, subject_of
from streamkit.serde import AvroEncoder

ROOT = Path(__file__).parents[3]
EVENT = {"type": "record", "name": "Event", "fields": [{"name": "n", "type": "long"}]}
GROWN = {**EVENT, "fields": [*EVENT["fields"], {"name": "more", "type": ["null", "string"], "default": None}]}
POISON = (b"", b"not avro", b"\x00\x7f\xff\xff\xff\x00")


class World:
    """One topic, its bronze table, and workers between them."""

    def __init__(self, stack, name, folder):
        self.topic = name
        self.namespace = name
        self.broker = KafkaBroker(stack.bootstrap_servers)
        self.registry = RegistryClient(stack.registry_url)
        self.variables = {
            "KAPSTAN_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "KAPSTAN_REGISTRY_URL": stack.registry_url,
            "KAPSTAN_NAMESPACE": name,
            "KAPSTAN_HTTP_PORT": "0",
            "KAPSTAN_STATE_DIR": str(folder),
            "KAPSTAN_SCHEMAS_DIR": str(ROOT / "schemas"),
            "KAPSTAN_CATALOG_URI": stack.url("seaweedfs.iceberg"),
            "KAPSTAN_S3_ENDPOINT": stack.url("seaweedfs.s3"),
            "KAPSTAN_S3_ACCESS_KEY_FILE": str(stack.secret_file("s3")),
        }
        self.settings = LakeSettings.load(
            **{key.removeprefix("KAPSTAN_").lower(): value for key, value in self.variables.items()}
        )
        self.catalog = open_catalog(self.settings)
        self.sent = {}
        self._folder = folder
        self._running = []

    def create(self, partitions=1):
        self.broker.admin().create_topic(self.topic, partitions, {})

    def encoder(self, schema=EVENT):
        schema_id = self.registry.register(subject_of(self.topic), Schema.of(schema))
        return AvroEncoder(schema, schema_id)

    def send(self, values, partition=0):
        """Write values and note, by (partition, offset), what each stored one is."""
        producer = self.broker.producer()
        for value in values:
            producer.send(
                self.topic,
                b"k",
                value,
                partition=partition,
                on_delivered=lambda p, offset, value=value: self.sent.__setitem__((p, offset), value),
            )
        producer.flush(20)
        producer.close()

    def send_and_abort(self, values, partition=0):
        """Write values that nobody may ever see, then the markers of a transaction."""
        producer = self.broker.transactional_producer(f"{self.topic}-aborts")
        producer.init()
        producer.begin()
        for value in values:
            producer.send(self.topic, b"k", value, partition=partition)
        producer.flush(20)
        producer.abort()
        producer.close()

    def start(self, *, slot="0", crash_at="", **variables):
        environment = {
            **os.environ,
            **self.variables,
            "KAPSTAN_SLOT": slot,
            "KAPSTAN_CRASH_AT": crash_at,
            "KAPSTAN_LAKE_FLUSH_AGE_MS": "200",
            **variables,
        }
        command = [sys.executable, "-m", "tests.support.lake_worker", self.topic]
        with (self._folder / f"worker{len(self._running)}.log").open("w") as log:
            worker = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log)
        self._running.append(worker)
        return worker

    def run(self, **options):
        """Run a worker to the present end of the topic; return its exit code."""
        return self.start(**options).wait(90)

    def wait_for(self, condition):
        """Wait until the table is as the test wants it."""
        assert until(condition, seconds=90, every=0.5), f"{len(self.rows())} rows, sent {len(self.sent)}"

    def rows(self):
        """Rows of the bronze table, read as any reader of Iceberg would."""
        table = Tables(self.catalog, self.settings.bronze).find(self.topic)
        return table.scan().to_arrow().to_pylist() if table is not None else []

    def assert_exact(self):
        """Every record sent is in bronze once, with its own bytes or its own columns."""
        rows = self.rows()
        found = {(row["_partition"], row["_offset"]): row for row in rows}
        assert len(found) == len(rows), "a record is in bronze twice"
        assert found.keys() == self.sent.keys()
        for place, value in self.sent.items():
            assert found[place]["_raw"] in (value, None)
            assert (found[place]["_error"] is None) is (value not in POISON), found[place]

    def stop(self):
        for worker in self._running:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.kill()
                worker.wait()
        self.registry.close()
        self.broker.close()


@pytest.fixture
def world(parts, unique, tmp_path):
    made = World(parts.need("kafka", "registry", "seaweedfs"), unique, tmp_path)
    yield made
    made.stop()
