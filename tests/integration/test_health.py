"""The probes over HTTP; needs no part, but a socket."""

import json
import socket
import struct
import threading
import urllib.error
import urllib.request
from http import HTTPStatus
from threading import Event

import pytest

from streamkit.config import ServiceSettings
from streamkit.errors import StopError
from streamkit.health import HealthServer

SETTINGS = ServiceSettings(
    bootstrap_servers="127.0.0.1:1", registry_url="http://127.0.0.1:2", http_port=0, http_host="127.0.0.1"
)


def get(server, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


@pytest.fixture
def server():
    with HealthServer(
        SETTINGS, ready={"kafka": lambda: "It is away."}, live={"loop": lambda: None}
    ) as server:
        yield server


def test_probes_answer_by_their_own_checks(server):
    status, kind, body = get(server, "/livez")
    assert (status, kind, json.loads(body)) == (
        200,
        "application/json",
        {"status": "ok", "checks": {"loop": "ok"}},
    )
    status, _, body = get(server, "/readyz?verbose")
    assert (status, json.loads(body)) == (503, {"status": "failing", "checks": {"kafka": "It is away."}})


def test_metrics_are_prometheus_text(server):
    status, kind, body = get(server, "/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    assert "# TYPE python_info gauge" in body


def test_another_page_is_not_found_and_says_what_there_is(server):
    status, _, body = get(server, "/health")
    assert status == 404
    assert json.loads(body)["pages"] == ["/livez", "/metrics", "/readyz"]


def test_a_taken_port_is_one_message(server):
    taken = SETTINGS.model_copy(update={"http_port": server.port})
    with pytest.raises(StopError, match=rf"cannot listen on 127.0.0.1:{server.port}.*KAPSTAN_HTTP_PORT"):
        HealthServer(taken, ready={})


def test_who_hangs_up_leaves_no_traceback(capfd):
    asked, gone = Event(), Event()

    def slow():
        asked.set()
        assert gone.wait(30)
        return "x" * 10_000_000  # more than a socket takes in one go

    with HealthServer(SETTINGS, ready={"kafka": slow}) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as probe:
            probe.sendall(b"GET /readyz HTTP/1.1\r\n\r\n")
            assert asked.wait(30)
            # Closed with a reset, not in peace.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.set()
        assert get(server, "/livez")[0] == HTTPStatus.OK
    for thread in threading.enumerate():
        if "process_request" in thread.name:
            thread.join(30)
    assert capfd.readouterr().err == ""
