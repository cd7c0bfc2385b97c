"""The short set: a fixed list of seeds, on stages of its own."""

import os
from contextlib import ExitStack

import pytest

from tests.faults.__main__ import DEFAULT_PORT_BASE
from tests.faults.campaign import show
from tests.faults.run import PASSED, perform, spends
from tests.faults.stages import plays_on

PORT_BASE = int(os.environ.get("KAPSTAN_TEST_PORT_BASE", DEFAULT_PORT_BASE))


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/faults" in item.path.as_posix():
            item.add_marker(pytest.mark.faults)


class Theatre:
    """A stage as long as every schedule on it passes: what one has spoilt is not held against the next."""

    def __init__(self):
        self._closing = ExitStack()
        self._show = None

    def perform(self, schedule):
        """Run a schedule; opens a stage when there is none that has its parts."""
        if self._show is not None and not plays_on(schedule.stage, self._show.stage.kind):
            self.close()
        if self._show is None:
            self._show = self._closing.enter_context(show(PORT_BASE, 40.0, lambda: False, schedule.stage))
        result = perform(schedule, self._show.stage, self._show.traffic, self._show.audience)
        if result.outcome != PASSED or spends(schedule):
            self.close()
        return result

    def close(self):
        """Stop the stage, if there is one."""
        self._show = None
        self._closing.close()


@pytest.fixture(scope="session")
def theatre():
    made = Theatre()
    yield made
    made.close()
