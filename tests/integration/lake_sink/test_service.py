"""The service as it is deployed: a process that follows the catalogue in force."""

import copy
import json
import os
import socket
import subprocess
import sys
import urllib.request

import pytest

from local.poll import until
from streamkit.avro import Schema
from streamkit.catalogue import Catalogue, Topic
from streamkit.clock import SystemClock
from streamkit.serde import AvroEncoder
from streamkit.topics import plan
from streamkit.topics_apply import Platform, apply, observe
from tests.integration.lake_sink.conftest import EVENT, ROOT


@pytest.fixture
def apply_catalogue(world):
    """Applies the catalogue's files, and with them topics of the test's own."""
    broker, registry = world.broker, world.registry
    platform = Platform(broker, broker.admin(), registry, SystemClock())

    def make(*topics):
        files = Catalogue.load(ROOT / "schemas")
        declared = Catalogue.of([*files.topics.values(), *files.windows.values(), *topics])
        apply(platform, declared, plan(declared, observe(platform, declared)))

    return make


@pytest.fixture
def service(world, tmp_path):
    """Starts the service; it is ended with the test."""
    running = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def start():
        variables = {**world.variables, "KAPSTAN_HTTP_PORT": str(port), "KAPSTAN_LAKE_FLUSH_AGE_MS": "200"}
        with (tmp_path / "service.log").open("w") as log:
            running.append(
                subprocess.Popen(
                    [sys.executable, "-m", "services.lake_sink"],
                    cwd=ROOT,
                    env={**os.environ, **variables},
                    stderr=log,
                )
            )
        assert until(lambda: ready(port), 60), (tmp_path / "service.log").read_text()
        return running[0]

    yield start
    for process in running:
        process.terminate()
        process.wait(30)


def ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return json.load(answer)["status"] == "ok"
    except OSError:
        return False


def topic_of(name, *, bronze=True, schema=EVENT):
    base = Catalogue.load(ROOT / "schemas")["platform.rules.v1"]
    fields = {"topic": name, "key": "n", "event_time": "n", "event_id": "n", "bronze": bronze}
    return Topic(base.spec.model_copy(update=fields), Schema.of(copy.deepcopy(schema)))


@pytest.mark.timeout(180)
def test_a_topic_applied_later_is_kept_without_a_restart_and_one_that_is_not_wanted_is_not(
    world, apply_catalogue, service
):
    apply_catalogue()
    process = service()
    unwanted = topic_of(f"{world.topic}-private", bronze=False)
    apply_catalogue(topic_of(world.topic), unwanted)
    encoder = AvroEncoder(EVENT, world.registry.latest(f"{world.topic}-value").schema_id)
    world.send([encoder.encode({"n": n}) for n in range(10)])
    world.wait_for(lambda: len(world.rows()) == 10)
    world.assert_exact()
    tables = {name for _, name in world.catalog.list_tables(world.settings.bronze)}
    assert not {name for name in tables if "private" in name}
    assert "platform_catalogue_v1" in tables
    process.terminate()
    assert process.wait(30) == 0
