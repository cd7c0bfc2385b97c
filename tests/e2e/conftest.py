"""The services as a user runs them, on a stack apart from the integration tests'."""

import pytest

from tests.support.parts import parts as run_parts
from tests.support.pipeline import CORE, Decisions

PORT_BASE = 19200


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/e2e" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def parts():
    with run_parts(PORT_BASE) as running:
        yield running


@pytest.fixture(scope="module")
def stack(parts):
    """The decision path and the lake."""
    return parts.need(*CORE)


@pytest.fixture(scope="module")
def decisions(stack):
    reader = Decisions(stack)
    yield reader
    reader.close()
