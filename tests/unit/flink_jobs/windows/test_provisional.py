import pytest

from flink_jobs.windows.provisional import columns, job_of, provisional_plan
from tests.support.window_declarations import HOP, bound

NOW = 1_780_000_000_000


@pytest.fixture
def made(settings):
    return provisional_plan(bound(assign=HOP, provisional={"after": "1s"}), settings, NOW)


def source(plan):
    return next(sql for sql in plan.setup if "'connector' = 'kafka'" in sql)


def test_its_job_and_its_table_stand_beside_the_windows_own(made):
    assert made.name == "windows.sales_provisional"
    assert [sql.split(" /*")[0] for sql in made.inserts] == ["INSERT INTO `lake`.`gold`.`sales_provisional`"]
    assert not any("`gold`.`sales` (" in sql or "`sales_late`" in sql for sql in made.setup)


def test_waits_a_little_and_no_longer_than_the_rows_took_to_arrive(made):
    watermark = (
        "WATERMARK FOR `et` AS LEAST(`et`, `kafka_time`) - INTERVAL '0 00:00:01.000' DAY(3) TO SECOND(3)"
    )
    assert watermark in source(made)


def test_lateness_is_judged_as_for_the_final_rows(made):
    (judged,) = (sql for sql in made.setup if sql.startswith("CREATE TEMPORARY VIEW `input`"))
    assert "- 305000 AS `horizon`" in judged


def test_windows_of_which_an_earlier_record_could_make_rows_late_are_left_out(made):
    first = NOW - 300_000 - 305_000
    assert f"WHERE `window_start` >= TO_TIMESTAMP_LTZ({first}, 3)" in made.inserts[0]
    assert "'scan.startup.mode' = 'timestamp'" in source(made)
    assert f"'scan.startup.timestamp-millis' = '{first - 300_000}'" in source(made)


def test_a_silent_partition_is_passed_over_here_only(made):
    assert made.configuration["table.exec.source.idle-timeout"] == "1000 ms"
    assert made.configuration["execution.checkpointing.interval"] == "1000 ms"
    assert made.configuration["parallelism.default"] == "1"
    assert made.configuration["table.local-time-zone"] == "UTC"
    assert "execution.state-recovery.path" not in made.configuration


def test_a_window_that_declares_none_has_none(settings):
    with pytest.raises(ValueError, match="window sales declares no provisional result"):
        provisional_plan(bound(), settings, NOW)


def test_a_row_says_when_it_was_computed(made):
    window = bound(assign=HOP, provisional={"after": "1s"})
    assert list(columns(window))[-1] == "computed_at"
    assert "CAST(CURRENT_TIMESTAMP AS TIMESTAMP_LTZ(6)) AS `computed_at`" in made.inserts[0]
    assert job_of("sales") == "sales_provisional"
