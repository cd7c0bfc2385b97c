import pytest

from flink_jobs.windows.config import Settings
from tests.support.window_declarations import bound


@pytest.fixture
def window():
    return bound()


@pytest.fixture
def settings(tmp_path):
    return Settings(
        bootstrap_servers="k:1",
        registry_url="http://r",
        flink_url="http://f",
        catalog_uri="http://c",
        warehouse="s3://lake",
        s3_endpoint="http://s",
        checkpoints_dir=tmp_path / "checkpoints",
        state_dir=tmp_path / "state",
    )
