from cli.tiers import INTEGRATION, UNIT, Counts, counts, verdict

REPORT = """<?xml version="1.0"?>
<testsuites><testsuite name="pytest" tests="7" failures="1" errors="1" skipped="2"/></testsuites>"""


def test_counts_come_from_the_report(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert counts(report) == Counts(passed=3, failed=2, skipped=2)


def test_a_run_without_a_report_has_failed(tmp_path):
    assert counts(tmp_path / "none.xml").failed == 1


def test_a_green_unit_run_passes():
    assert not verdict(UNIT, 0, Counts(passed=1), [])


def test_an_empty_run_is_no_proof():
    assert verdict(UNIT, 0, Counts(skipped=4), []) == ["no test passed, so nothing was shown"]


def test_a_real_tier_that_started_nothing_fails():
    reasons = verdict(INTEGRATION, 0, Counts(passed=9), sorted(INTEGRATION.parts - {"kafka"}))
    assert reasons == ["these real parts were never started: kafka"]


def test_a_failure_is_named():
    assert verdict(UNIT, 1, Counts(passed=9, failed=2), []) == ["pytest ended with 1: 2 failed"]
