import json

import pytest

from flink_jobs.windows.source import KafkaSource, Reach, source_table
from tests.support.window_declarations import bound


def table(window, **reach):
    return source_table(window, KafkaSource("k:1", "http://r", "orders.refined.v1", "g", Reach(**reach)))


def test_reads_what_is_committed_from_the_first_record_on(window):
    sql = table(window)
    assert "'properties.isolation.level' = 'read_committed'" in sql
    assert "'scan.startup.mode' = 'earliest-offset'" in sql
    assert "bounded" not in sql


def test_the_watermark_waits_a_millisecond_longer_than_the_rule_needs(window):
    assert "WATERMARK FOR `et` AS `et` - INTERVAL '0 00:05:05.001' DAY(3) TO SECOND(3)" in table(window)


def test_event_time_is_bounded_by_arrival_and_by_1970(window):
    sql = " ".join(table(window).split())
    latest = "((EXTRACT(EPOCH FROM `kafka_time`) * 1000 + EXTRACT(MILLISECOND FROM `kafka_time`)) + 300000)"
    assert f"`ts` AS GREATEST(LEAST(`at`, {latest}), 0)" in sql
    assert f"CASE WHEN `at` > {latest} THEN 'future' WHEN `at` < 0 THEN 'before_1970' END" in sql


def test_a_header_may_be_without_a_value(window):
    assert "`headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL" in table(window)


def test_decodes_with_the_pinned_schema_of_the_columns(window):
    sql = table(window)
    line = next(line for line in sql.splitlines() if "avro-confluent.schema" in line)
    schema = json.loads(line.split(" = ", 1)[1].rstrip(",").strip("'"))
    assert [field["name"] for field in schema["fields"]] == [field.name for field in window.fields]
    assert "`category` STRING,\n" in sql
    assert "`currency` STRING NOT NULL,\n" in sql


@pytest.mark.parametrize(("stop", "mode"), [({}, "'latest-offset'"), ({0: 7, 1: 9}, "'specific-offsets'")])
def test_a_batch_ends_and_needs_no_watermark(stop, mode):
    sql = table(bound(), start={1: 5, 0: 3}, stop=stop)
    assert "WATERMARK" not in sql
    assert "PROCTIME" not in sql
    assert f"'scan.bounded.mode' = {mode}" in sql
    assert "'scan.startup.specific-offsets' = 'partition:0,offset:3;partition:1,offset:5'" in sql
    assert ("'scan.bounded.specific-offsets' = 'partition:0,offset:7;partition:1,offset:9'" in sql) is bool(
        stop
    )
