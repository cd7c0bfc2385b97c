"""A unit test opens no socket; one that tries fails here and says so."""

import socket

import pytest

INTERNET = (socket.AF_INET, socket.AF_INET6)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refusing(name):
        real = getattr(socket.socket, name)

        def guarded(self, address, *rest):
            if self.family in INTERNET:
                raise AssertionError(
                    f"a unit test called socket.{name}({address!r}); move it to tests/integration"
                )
            return real(self, address, *rest)

        return guarded

    for name in ("bind", "connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refusing(name))
