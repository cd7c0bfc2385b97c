from pathlib import Path

import pytest

from flink_jobs.windows.config import Key
from flink_jobs.windows.plan import catalog, plan
from flink_jobs.windows.source import Reach
from tests.support.window_declarations import HOP, SESSION, TUMBLE, bound


@pytest.mark.parametrize("assign", [TUMBLE, HOP, SESSION])
def test_a_stream_writes_each_row_to_one_of_two_tables(settings, assign):
    made = plan(bound(assign=assign), settings)
    on_time, late = made.inserts
    assert on_time.startswith("INSERT INTO `lake`.`gold`.`sales` ")
    assert late.startswith("INSERT INTO `lake`.`gold`.`sales_late` ")
    assert late.endswith("FROM `late`")
    assert not made.bounded


def test_tables_exist_before_the_views_and_the_lake_before_the_tables(settings):
    begins = [" ".join(sql.split()[:3]) for sql in plan(bound(), settings).setup]
    assert begins[:5] == [
        "CREATE CATALOG `lake`",
        "CREATE DATABASE IF",
        "CREATE TABLE IF",
        "CREATE TABLE IF",
        "CREATE TEMPORARY TABLE",
    ]
    assert set(begins[5:]) == {"CREATE TEMPORARY VIEW"}


def test_what_makes_a_restart_exact_is_set(settings):
    found = plan(bound(), settings).configuration
    assert found["table.exec.source.idle-timeout"] == "0 s"
    assert found["execution.checkpointing.mode"] == "EXACTLY_ONCE"
    assert found["execution.checkpointing.unaligned.enabled"] == "false"
    assert found["execution.checkpointing.externalized-checkpoint-retention"] == "RETAIN_ON_CANCELLATION"
    assert found["execution.checkpointing.num-retained"] == "3"
    assert found["execution.checkpointing.dir"] == f"file://{settings.checkpoints_dir}/sales"
    assert found["restart-strategy.type"] == "fixed-delay"
    assert found["table.local-time-zone"] == "UTC"
    assert "execution.state-recovery.path" not in found


def test_goes_on_from_the_checkpoint_it_is_given(settings):
    found = plan(bound(), settings, restore=Path("/checkpoints/sales/j/chk-3")).configuration
    assert found["execution.state-recovery.path"] == "file:///checkpoints/sales/j/chk-3"


@pytest.mark.parametrize(("override", "interval"), [(None, "60000 ms"), (10_000, "10000 ms")])
def test_commits_as_often_as_declared_unless_told_otherwise(settings, override, interval):
    found = plan(bound(), settings.model_copy(update={"checkpoint_interval_ms": override})).configuration
    assert found["execution.checkpointing.interval"] == interval


def test_a_bounded_one_is_a_batch_in_its_own_namespace(settings):
    made = plan(bound(), settings.model_copy(update={"namespace": "again"}), Reach(stop={}))
    assert made.bounded
    assert made.name == "windows.again.sales"
    assert made.configuration["execution.runtime-mode"] == "BATCH"
    assert "execution.checkpointing.interval" not in made.configuration
    assert made.inserts[0].startswith("INSERT INTO `lake`.`again_gold`.`sales` ")
    source = next(sql for sql in made.setup if "'connector' = 'kafka'" in sql)
    assert "'topic' = 'orders.refined.v1'" in source
    assert "'properties.group.id' = 'windows.again.sales'" in source


def test_without_a_key_the_default_chain_is_asked(settings):
    assert "secret" not in catalog(settings, None)
    assert catalog(settings, Key("a", "b")).count("secret-access-key' = 'b'") == 2
