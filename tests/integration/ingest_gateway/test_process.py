"""The gateway as a process: what it says when it cannot start, and how it stops."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest

from local.places import repository
from local.services import Gateway, demo_key
from tests.integration.ingest_gateway.doors import event
from tests.support.frozen import frozen
from tests.support.waiting import until

EXIT_STOP = 78


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Process:
    """A second gateway beside the stack's own, with settings of the test's."""

    def __init__(self, stack, log, **settings):
        self.http, self.grpc = free_port(), free_port()
        ports = {"KAPSTAN_HTTP_PORT": str(self.http), "KAPSTAN_GRPC_PORT": str(self.grpc)}
        environment = {**os.environ, **Gateway().environment(stack), **ports, **settings}
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.ingest_gateway"],
                cwd=repository(),
                env=environment,
                stderr=out,
            )
        self.url = f"http://127.0.0.1:{self.http}"

    def ready(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def said(self):
        """The messages that it logged; each line has to be JSON."""
        return [json.loads(line)["message"] for line in self.log.read_text().splitlines()]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


@pytest.fixture
def start(shop, tmp_path):
    started = []

    def starting(**settings):
        started.append(Process(shop.stack, tmp_path / f"gateway{len(started)}.log", **settings))
        return started[-1]

    yield starting
    for process in started:
        process.close()


def test_a_missing_keys_file_is_one_line_and_no_restart(start, tmp_path):
    gateway = start(KAPSTAN_API_KEYS_FILE=str(tmp_path / "absent.json"))
    assert gateway.process.wait(60) == EXIT_STOP
    assert "absent.json" in gateway.said()[-1]


@pytest.mark.parametrize("variable", ["KAPSTAN_HTTP_PORT", "KAPSTAN_GRPC_PORT"])
def test_a_taken_port_is_named(start, variable):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        gateway = start(**{variable: str(port)})
        assert gateway.process.wait(60) == EXIT_STOP
    assert str(port) in gateway.said()[-1]
    assert variable in gateway.said()[-1]


def test_a_request_that_was_let_in_is_answered_before_the_process_ends(start, shop):
    gateway = start(KAPSTAN_DELIVERY_TIMEOUT_S="3", KAPSTAN_REQUEST_DEADLINE_S="5", KAPSTAN_STALL_S="30")
    until(gateway.ready, 60)
    answers = []

    def send():
        headers = {"X-API-Key": demo_key(shop.stack), "Content-Type": "application/json"}
        url = f"{gateway.url}/v1/topics/{shop.topic}/events"
        answers.append(httpx.post(url, content=event(**shop.event(1)), headers=headers, timeout=15))

    send()
    with frozen(shop.stack, "kafka"):
        sender = threading.Thread(target=send)
        sender.start()
        metrics = f"{gateway.url}/metrics"
        until(lambda: "inflight_bytes 0.0" not in httpx.get(metrics, timeout=5).text, 5)
        gateway.process.send_signal(signal.SIGTERM)
    sender.join(15)
    assert gateway.process.wait(20) == 0
    assert [answer.status_code for answer in answers] == [200, 200]
    assert gateway.said()[-1].startswith(("Stopping", "Finished", "Shutting", "Waiting"))


def test_secrets_are_not_logged(start, shop):
    gateway = start(KAPSTAN_LOG_LEVEL="DEBUG")
    until(gateway.ready, 60)
    key = demo_key(shop.stack)
    for sent in (key, "a-wrong-key"):
        url = f"{gateway.url}/v1/topics/{shop.topic}/events"
        httpx.post(
            url, content=b'[{"id": "private"}]', headers={"Authorization": f"Bearer {sent}"}, timeout=10
        )
    gateway.process.terminate()
    assert gateway.process.wait(20) == 0
    log = gateway.log.read_text()
    assert key not in log
    assert "a-wrong-key" not in log
    assert "private" not in log
