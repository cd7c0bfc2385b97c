import pytest
from pydantic import SecretStr, ValidationError

from streamkit.config import ConfigError, ServiceSettings, WorkerSettings

GOOD = {
    "KAPSTAN_BOOTSTRAP_SERVERS": "127.0.0.1:18000",
    "KAPSTAN_REGISTRY_URL": "http://127.0.0.1:18002/",
    "KAPSTAN_HTTP_PORT": "18052",
    "KAPSTAN_STATE_DIR": "/var/lib/kapstan/refiner",
}


class SecretiveSettings(ServiceSettings):
    token: SecretStr


def load(monkeypatch, settings=WorkerSettings, **changes):
    for name, value in {**GOOD, **changes}.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    return settings.load()


def test_settings_come_from_the_environment(monkeypatch):
    settings = load(monkeypatch, KAPSTAN_SLOT="b", KAPSTAN_COMMIT_INTERVAL_MS="25")
    assert settings.registry_url == "http://127.0.0.1:18002"
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 18052)
    assert (settings.slot, settings.commit_interval_ms, settings.mode) == ("b", 25, "live")


def test_an_argument_wins_over_the_environment(monkeypatch):
    load(monkeypatch)
    assert ServiceSettings.load(http_port=0).http_port == 0


def test_settings_never_change(monkeypatch):
    settings = load(monkeypatch)
    with pytest.raises(ValidationError, match="frozen"):
        settings.slot = "1"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KAPSTAN_HTTP_PORT", "http", "KAPSTAN_HTTP_PORT: got 'http', expected a valid integer"),
        (
            "KAPSTAN_HTTP_PORT",
            "65536",
            "KAPSTAN_HTTP_PORT: got '65536', expected less than or equal to 65535",
        ),
        ("KAPSTAN_STATE_DIR", None, "KAPSTAN_STATE_DIR: not set, expected folder of this slot's local state"),
        ("KAPSTAN_BOOTSTRAP_SERVERS", "kafka", "KAPSTAN_BOOTSTRAP_SERVERS: got 'kafka', expected host:port"),
        ("KAPSTAN_BOOTSTRAP_SERVERS", "a:1,b", "got 'a:1,b', expected host:port"),
        (
            "KAPSTAN_REGISTRY_URL",
            "ftp://r",
            "KAPSTAN_REGISTRY_URL: got 'ftp://r', expected a URL that begins with",
        ),
        ("KAPSTAN_NAMESPACE", "Run.1", "KAPSTAN_NAMESPACE: got 'Run.1', expected text that matches"),
        ("KAPSTAN_LOG_LEVEL", "LOUD", "KAPSTAN_LOG_LEVEL: got 'LOUD', expected 'DEBUG', 'INFO'"),
        ("KAPSTAN_MODE", "replay", "KAPSTAN_NAMESPACE: got '', expected a name because KAPSTAN_MODE=replay"),
    ],
)
def test_a_wrong_variable_is_named_with_what_it_held(monkeypatch, name, value, said):
    with pytest.raises(ConfigError) as caught:
        load(monkeypatch, **{name: value})
    assert said in str(caught.value)


def test_all_problems_are_told_at_once(monkeypatch):
    with pytest.raises(ConfigError) as caught:
        load(monkeypatch, KAPSTAN_HTTP_PORT=None, KAPSTAN_SLOT="a b")
    assert "KAPSTAN_HTTP_PORT: not set" in str(caught.value)
    assert "KAPSTAN_SLOT: got 'a b'" in str(caught.value)


def test_a_secret_is_never_told():
    with pytest.raises(ConfigError) as caught:
        SecretiveSettings.load(**{name[8:].lower(): value for name, value in GOOD.items()}, token=["hunter2"])
    assert "KAPSTAN_TOKEN: got a secret" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_replay_has_a_namespace_of_its_own(monkeypatch):
    assert load(monkeypatch, KAPSTAN_MODE="replay", KAPSTAN_NAMESPACE="run-1").namespace == "run-1"
