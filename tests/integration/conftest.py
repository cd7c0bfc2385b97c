"""One stack for the whole run; tests keep apart by topic, table and group names of their own."""

import os
import uuid

import pytest

from tests.support.parts import parts as run_parts

# Two checkouts on one machine test at once when each has a range of its own.
PORT_BASE = int(os.environ.get("KAPSTAN_TEST_PORT_BASE", "19000"))


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/integration" in item.path.as_posix():
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def parts():
    """`parts.need("kafka", "registry")` starts what a test needs and returns the stack."""
    with run_parts(PORT_BASE) as running:
        yield running


@pytest.fixture
def unique():
    """A short name that no other test uses."""
    return f"t{uuid.uuid4().hex[:10]}"
