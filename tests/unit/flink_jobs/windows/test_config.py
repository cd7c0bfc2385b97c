import json
from pathlib import Path

import pytest

from flink_jobs.windows.config import Key, Settings
from flink_jobs.windows.errors import SettingsError

ENVIRON = {
    "KAPSTAN_BOOTSTRAP_SERVERS": "k:1",
    "KAPSTAN_REGISTRY_URL": "http://r",
    "KAPSTAN_FLINK_URL": "http://f",
    "KAPSTAN_CATALOG_URI": "http://c",
    "KAPSTAN_WAREHOUSE": "s3://lake",
    "KAPSTAN_S3_ENDPOINT": "http://s",
    "KAPSTAN_CHECKPOINTS_DIR": "/c",
    "KAPSTAN_STATE_DIR": "/s",
    "OTHER": "x",
}


def load(**changes):
    return Settings.load(ENVIRON | changes)


def test_the_live_system_has_no_prefix():
    settings = load(KAPSTAN_NAMESPACE="")
    assert (settings.database, settings.qualified("sales")) == ("gold", "sales")


def test_a_replay_has_its_own_names():
    settings = load(KAPSTAN_NAMESPACE="try-2")
    assert (settings.database, settings.qualified("sales")) == ("try_2_gold", "try-2.sales")


def test_the_key_is_read_from_its_file(tmp_path):
    file = tmp_path / "s3.json"
    file.write_text(json.dumps({"access_key": "a", "secret_key": "b"}))
    assert load(KAPSTAN_S3_ACCESS_KEY_FILE=str(file)).key() == Key("a", "b")
    assert load().key() is None


def test_defaults():
    assert (load().parallelism, load().schemas_dir) == (2, Path("schemas"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"KAPSTAN_FLINK_URL": ""}, "KAPSTAN_FLINK_URL: Field required"),
        ({"KAPSTAN_PARALLELISM": "1"}, "KAPSTAN_PARALLELISM: Input should be greater than or equal to 2"),
        ({"KAPSTAN_NAMESPACE": "A B"}, "KAPSTAN_NAMESPACE: String should match"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(SettingsError, match=message):
        load(**changes)
