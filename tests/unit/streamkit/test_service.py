import io
import json
import logging

import pytest

from streamkit import logs, service
from streamkit.config import ServiceSettings
from streamkit.errors import RetryableError, StopError

ENVIRONMENT = {
    "KAPSTAN_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "KAPSTAN_REGISTRY_URL": "http://127.0.0.1:2",
    "KAPSTAN_HTTP_PORT": "0",
}


@pytest.fixture
def logged(monkeypatch):
    """What was logged, parsed; the environment is a good one."""
    stream = io.StringIO()
    configure = logs.configure
    monkeypatch.setattr(logs, "configure", lambda name, level="INFO": configure(name, level, stream))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = before


def raising(error):
    def run(settings):
        raise error

    return run


def test_a_service_runs_with_its_settings_and_returns(logged):
    seen: list[ServiceSettings] = []
    service.serve("refiner", ServiceSettings, seen.append)
    assert [settings.registry_url for settings in seen] == ["http://127.0.0.1:2"]
    assert logged() == []


@pytest.mark.parametrize(
    ("error", "code"),
    [(RetryableError("Kafka is away"), 75), (StopError("State is newer", hint="Deploy"), 78)],
)
def test_an_error_ends_with_its_own_exit_code(logged, error, code):
    with pytest.raises(SystemExit) as caught:
        service.serve("refiner", ServiceSettings, raising(error))
    assert caught.value.code == code
    (line,) = logged()
    assert (line["level"], line["message"], line["exit_code"]) == ("CRITICAL", str(error), code)
    assert (line["service"], "error" in line) == ("refiner", False)


def test_a_bug_ends_with_1_and_its_traceback(logged):
    with pytest.raises(SystemExit) as caught:
        service.serve("refiner", ServiceSettings, raising(KeyError("x")))
    assert caught.value.code == 1
    assert "KeyError: 'x'" in logged()[0]["error"]


def test_wrong_settings_end_with_78_and_run_nothing(logged, monkeypatch):
    monkeypatch.setenv("KAPSTAN_HTTP_PORT", "none")
    with pytest.raises(SystemExit) as caught:
        service.serve("refiner", ServiceSettings, raising(AssertionError))
    assert caught.value.code == 78
    assert "KAPSTAN_HTTP_PORT: got 'none'" in logged()[0]["message"]


def test_the_level_is_the_settings(logged, monkeypatch):
    monkeypatch.setenv("KAPSTAN_LOG_LEVEL", "ERROR")
    service.serve("refiner", ServiceSettings, lambda _: logging.getLogger("a").warning("quiet"))
    assert logged() == []
