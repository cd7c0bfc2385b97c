"""Which requests are commits, and that one is spoilt once."""

import threading

import pytest

from tests.faults.proxy import LOST, CatalogProxy, is_commit

TABLE = "/v1/lake/namespaces/bronze/tables/web_clicks_v1"


@pytest.mark.parametrize(
    ("method", "path", "commit"),
    [
        ("POST", TABLE, True),
        ("POST", TABLE + "?a=1", True),
        ("GET", TABLE, False),
        ("POST", "/v1/lake/namespaces/bronze/tables", False),
        ("POST", "/v1/lake/namespaces", False),
        ("HEAD", "/v1/config", False),
    ],
)
def test_a_commit_is_a_post_to_a_table(method, path, commit):
    assert is_commit(method, path) is commit


@pytest.fixture
def proxy():
    made = CatalogProxy.__new__(CatalogProxy)
    made._lock, made._armed, made.done = threading.Lock(), None, []
    return made


def test_nothing_is_spoilt_unasked(proxy):
    assert proxy.spoil("POST", TABLE, 200) is None


def test_one_commit_that_was_applied_is_spoilt(proxy):
    proxy.arm(LOST)
    assert proxy.spoil("GET", TABLE, 200) is None
    assert proxy.spoil("POST", TABLE, 409) is None, "it was not applied"
    assert proxy.spoil("POST", TABLE, 200) == LOST
    assert proxy.spoil("POST", TABLE, 200) is None
    assert proxy.done == [f"{LOST}: web_clicks_v1"]


def test_it_can_be_called_off(proxy):
    proxy.arm(LOST)
    proxy.disarm()
    assert proxy.spoil("POST", TABLE, 200) is None
    assert proxy.done == []
