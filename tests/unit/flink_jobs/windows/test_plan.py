import json
from pathlib import Path

import pytest

from flink_jobs.windows.config import Key, Settings
from flink_jobs.windows.plan import catalog, plan
from flink_jobs.windows.source import Reach
from tests.support.window_declarations import HOP, SESSION, TUMBLE, bound


def settings(tmp_path, **changes):
    file = tmp_path / "s3.json"
    file.write_text(json.dumps({"access_key": "a", "secret_key": "b"}))
    return Settings(
        bootstrap_servers="k:1",
        registry_url="http://r",
        flink_url="http://f",
        catalog_uri="http://c",
        warehouse="s3://lake",
        s3_endpoint="http://s",
        s3_access_key_file=file,
        checkpoints_dir=Path("/checkpoints"),
        state_dir=Path("/state"),
        **changes,
    )


@pytest.mark.parametrize("assign", [TUMBLE, HOP, SESSION])
def test_a_stream_writes_each_row_to_one_of_two_tables(tmp_path, assign):
    made = plan(bound(assign=assign), settings(tmp_path))
    on_time, late = made.inserts
    assert on_time.startswith("INSERT INTO `lake`.`gold`.`sales` ")
    assert late.startswith("INSERT INTO `lake`.`gold`.`sales_late` ")
    assert late.endswith("FROM `late`")
    assert not made.bounded


def test_tables_exist_before_the_views_and_the_lake_before_the_tables(tmp_path):
    begins = [" ".join(sql.split()[:3]) for sql in plan(bound(), settings(tmp_path)).setup]
    assert begins[:5] == [
        "CREATE CATALOG `lake`",
        "CREATE DATABASE IF",
        "CREATE TABLE IF",
        "CREATE TABLE IF",
        "CREATE TEMPORARY TABLE",
    ]
    assert set(begins[5:]) == {"CREATE TEMPORARY VIEW"}


def test_what_makes_a_restart_exact_is_set(tmp_path):
    found = plan(bound(), settings(tmp_path)).configuration
    assert found["table.exec.source.idle-timeout"] == "0 s"
    assert found["execution.checkpointing.mode"] == "EXACTLY_ONCE"
    assert found["execution.checkpointing.unaligned.enabled"] == "false"
    assert found["execution.checkpointing.externalized-checkpoint-retention"] == "RETAIN_ON_CANCELLATION"
    assert found["execution.checkpointing.num-retained"] == "3"
    assert found["execution.checkpointing.dir"] == "file:///checkpoints/sales"
    assert found["restart-strategy.type"] == "fixed-delay"
    assert found["table.local-time-zone"] == "UTC"
    assert "execution.state-recovery.path" not in found


def test_goes_on_from_the_checkpoint_it_is_given(tmp_path):
    found = plan(bound(), settings(tmp_path), restore=Path("/checkpoints/sales/j/chk-3")).configuration
    assert found["execution.state-recovery.path"] == "file:///checkpoints/sales/j/chk-3"


@pytest.mark.parametrize(("override", "interval"), [(None, "60000 ms"), (10_000, "10000 ms")])
def test_commits_as_often_as_declared_unless_told_otherwise(tmp_path, override, interval):
    found = plan(bound(), settings(tmp_path, checkpoint_interval_ms=override)).configuration
    assert found["execution.checkpointing.interval"] == interval


def test_a_bounded_one_is_a_batch_in_its_own_namespace(tmp_path):
    made = plan(bound(), settings(tmp_path, namespace="again"), Reach(stop={}))
    assert made.bounded
    assert made.name == "windows.again.sales"
    assert made.configuration["execution.runtime-mode"] == "BATCH"
    assert "execution.checkpointing.interval" not in made.configuration
    assert made.inserts[0].startswith("INSERT INTO `lake`.`again_gold`.`sales` ")
    source = next(sql for sql in made.setup if "'connector' = 'kafka'" in sql)
    assert "'topic' = 'orders.refined.v1'" in source
    assert "'properties.group.id' = 'windows.again.sales'" in source


def test_without_a_key_the_default_chain_is_asked(tmp_path):
    assert "secret" not in catalog(settings(tmp_path), None)
    assert catalog(settings(tmp_path), Key("a", "b")).count("secret-access-key' = 'b'") == 2
