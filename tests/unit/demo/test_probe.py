from demo.probe import total

METRICS = """\
# HELP kapstan_loop_in_records_total Records taken from input topics, heartbeats included.
# TYPE kapstan_loop_in_records_total counter
kapstan_loop_in_records_total 1234.0
kapstan_loop_rejected_records_total{reason="undecodable"} 2.0
kapstan_loop_rejected_records_total{reason="a b} 9"} 3.0
kapstan_loop_in_records_total_more 7.0
kapstan_loop_commit_seconds_sum 1.5e-05
"""


def test_a_metric_is_added_up_over_its_labels():
    assert total(METRICS, "kapstan_loop_in_records_total") == 1234
    assert total(METRICS, "kapstan_loop_rejected_records_total") == 5
    assert total(METRICS, "kapstan_loop_commit_seconds_sum") == 1.5e-05


def test_a_metric_that_is_not_there_is_zero():
    assert total(METRICS, "kapstan_loop") == 0
