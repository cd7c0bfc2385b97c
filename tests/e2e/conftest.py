"""The services as a user runs them, on a stack apart from the integration tests'."""

import pytest

from tests.support.parts import parts as run_parts
from tests.support.pipeline import CORE, Decisions

PORT_BASE = 19200
# The first two have stacks of their own, which are gone before the others' is started. Those share one, whose
# start is dear, and leave it otherwise than it was: from test_replay on there are rules, and a service that
# has taken something back from the dead letters is not replayed any more.
ORDER = (
    "test_demo",
    "test_beyond_retention",
    "test_bad_input",
    "test_pipeline",
    "test_replay",
    "test_replays_and_kills",
    "test_explain",
    "test_returning",
)


def pytest_collection_modifyitems(items):
    mine = [item for item in items if "tests/e2e" in item.path.as_posix()]
    for item in mine:
        item.add_marker(pytest.mark.e2e)
    rest = [item for item in items if item not in mine]
    items[:] = rest + sorted(mine, key=lambda item: ORDER.index(item.path.stem))


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
