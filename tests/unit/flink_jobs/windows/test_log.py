import pytest

from flink_jobs.windows.log import log_of
from flink_jobs.windows.plan import plan
from flink_jobs.windows.source import KafkaSource, Reach
from tests.support.window_declarations import bound


def statements(**reach):
    return log_of(bound(), KafkaSource("k:1", "http://r", "orders.refined.v1", "g", Reach(**reach)))


def test_a_job_reads_the_topic():
    (table,) = statements()
    assert table.startswith("CREATE TEMPORARY TABLE `log` (")


def test_bronze_can_stand_in_for_all_of_it():
    (view,) = statements(stop={}, bronze_of="id")
    assert view.startswith("CREATE TEMPORARY VIEW `log` AS")


def test_bronze_ends_where_the_topic_begins():
    older, newer, both = statements(stop={0: 7, 1: 9}, bronze_of="id", seam={0: 5, 1: 9})
    assert older.startswith("CREATE TEMPORARY VIEW `older` AS")
    assert "((`_partition` = 0 AND `_offset` < 5) OR (`_partition` = 1 AND `_offset` < 9))" in older
    assert newer.startswith("CREATE TEMPORARY TABLE `newer` (")
    assert "'scan.startup.specific-offsets' = 'partition:0,offset:5;partition:1,offset:9'" in newer
    assert "'scan.bounded.specific-offsets' = 'partition:0,offset:7;partition:1,offset:9'" in newer
    columns = both.removeprefix("CREATE TEMPORARY VIEW `log` AS\nSELECT ").split(" FROM ")[0]
    assert both.count(f"SELECT {columns} FROM") == 2
    assert "\nUNION ALL\n" in both


def test_a_start_behind_the_seam_is_the_topics():
    older, newer, _ = statements(start={0: 6, 1: 2}, stop={0: 7, 1: 9}, bronze_of="id", seam={0: 5, 1: 5})
    assert "((`_partition` = 0 AND `_offset` >= 6) OR (`_partition` = 1 AND `_offset` >= 2))" in older
    assert "'scan.startup.specific-offsets' = 'partition:0,offset:6;partition:1,offset:5'" in newer


@pytest.mark.parametrize(
    "column", ["source_partition", "source_offset", "kafka_time", "heartbeat", "ts", "et"]
)
def test_what_the_rule_goes_by_is_in_the_view(column):
    both = statements(stop={0: 7}, bronze_of="id", seam={0: 5})[-1]
    assert both.count(f"`{column}`") == 2


def test_a_plan_reads_both(settings):
    reach = Reach(stop={0: 7}, bronze_of="id", seam={0: 5})
    made = plan(bound(), settings.model_copy(update={"namespace": "n"}), reach)
    assert [sql.split(" (")[0].split(" AS")[0] for sql in made.setup if "TEMPORARY" in sql][:3] == [
        "CREATE TEMPORARY VIEW `older`",
        "CREATE TEMPORARY TABLE `newer`",
        "CREATE TEMPORARY VIEW `log`",
    ]
