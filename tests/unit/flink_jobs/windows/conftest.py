import pytest

from tests.support.window_declarations import bound


@pytest.fixture
def window():
    return bound()
