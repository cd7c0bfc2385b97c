from dataclasses import replace

import pytest

from flink_jobs.windows.bronze import bronze_view, table_name
from flink_jobs.windows.errors import StartRefusedError
from flink_jobs.windows.plan import plan
from flink_jobs.windows.source import Reach
from tests.support.window_declarations import bound


def view(window, **reach):
    return bronze_view(window, "id", Reach(**{"stop": {}, **reach}))


def test_reads_one_topics_rows_that_could_be_decoded(window):
    sql = view(window)
    assert "FROM `lake`.`bronze`.`orders_refined_v1` WHERE `_topic_id` = 'id' AND `_error` IS NULL\n" in sql


def test_a_time_is_the_number_that_kafka_has(window):
    assert (
        "CAST((EXTRACT(EPOCH FROM `at`) * 1000 + EXTRACT(MILLISECOND FROM `at`)) AS BIGINT) AS `at`"
    ) in view(window)


def test_a_batch_reads_from_its_start_to_before_its_stop(window):
    sql = view(window, start={1: 5, 0: 3}, stop={0: 7})
    assert "((`_partition` = 0 AND `_offset` >= 3) OR (`_partition` = 1 AND `_offset` >= 5))" in sql
    assert sql.endswith("AND ((`_partition` = 0 AND `_offset` < 7))\n)")


def test_a_field_that_bronze_keeps_in_another_form_is_refused(window):
    dated = replace(window, fields=tuple(replace(field, logical="date") for field in window.fields))
    with pytest.raises(StartRefusedError, match="is a date, which bronze keeps in another form than Kafka"):
        view(dated)


def test_a_plan_over_bronze_reads_no_topic(settings):
    made = plan(bound(), settings.model_copy(update={"namespace": "n"}), Reach(stop={}, bronze_of="id"))
    assert made.bounded
    assert not any("'connector' = 'kafka'" in sql for sql in made.setup)
    assert any(sql.startswith("CREATE TEMPORARY VIEW `log` AS") for sql in made.setup)


def test_a_table_is_named_as_lake_sink_names_it():
    assert table_name("web.click-stream.v1") == "web_click_stream_v1"
