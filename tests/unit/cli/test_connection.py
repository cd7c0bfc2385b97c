import pytest

from cli import connection
from local.errors import RuntimeProblem


@pytest.fixture
def connect(monkeypatch, tmp_path):
    """Open the clients with a variable set to a value; nobody may be asked."""

    def asked(*_, **__):
        pytest.fail("a connection was tried")

    monkeypatch.setattr(connection.socket, "create_connection", asked)
    for name in ("KAPSTAN_BOOTSTRAP_SERVERS", "KAPSTAN_REGISTRY_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(name, value):
        monkeypatch.setenv(name, value)
        with connection.connected(tmp_path, 41000):
            pytest.fail("it connected")

    return run


@pytest.mark.parametrize("servers", ["foo", "foo:", ":9092", "foo:x", "foo:0", "foo:65536", "a:1,b", ","])
def test_servers_without_an_address_are_named(connect, servers):
    with pytest.raises(RuntimeProblem, match="is not HOST:PORT"):
        connect("KAPSTAN_BOOTSTRAP_SERVERS", servers)


def test_a_home_without_a_stack_does_not_mean_the_default_one(tmp_path, monkeypatch):
    for name in ("KAPSTAN_BOOTSTRAP_SERVERS", "KAPSTAN_PORT_BASE"):
        monkeypatch.delenv(name, raising=False)
    with (
        pytest.raises(RuntimeProblem, match=r"no stack was ever started in .*typo"),
        connection.connected(tmp_path / "typo", None),
    ):
        pytest.fail("it connected")


@pytest.mark.parametrize(
    "url", ["foo", "localhost:8081", "http://", "http://a:x", "http://a:99999", "ftp://a"]
)
def test_so_is_a_registry_without_one(connect, url):
    with pytest.raises(RuntimeProblem, match="KAPSTAN_REGISTRY_URL is"):
        connect("KAPSTAN_REGISTRY_URL", url)


def test_every_server_is_taken_also_with_an_ipv6_address():
    assert connection._addresses("a:1, [::1]:9092") == [("a", 1), ("::1", 9092)]
    assert connection._registry_url("https://registry.example/") == "https://registry.example/"
