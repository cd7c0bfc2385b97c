import pytest

from cli.tiers import INTEGRATION, TIERS, UNIT, Counts, counts, verdict
from local.places import repository

REPORT = """<?xml version="1.0"?>
<testsuites><testsuite name="pytest" tests="7" failures="1" errors="1" skipped="2"/></testsuites>"""


def test_counts_come_from_the_report(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert counts(report) == Counts(passed=3, failed=2, skipped=2)


def test_a_run_without_a_report_has_failed(tmp_path):
    assert counts(tmp_path / "none.xml").failed == 1


def test_a_green_unit_run_passes():
    assert not verdict(UNIT, [0], Counts(passed=1), [])


def test_an_empty_run_is_no_proof():
    assert verdict(UNIT, [0], Counts(skipped=4), []) == ["no test passed, so nothing was shown"]


def test_a_real_tier_that_started_nothing_fails():
    reasons = verdict(INTEGRATION, [0, 0], Counts(passed=9), sorted(INTEGRATION.parts - {"kafka"}))
    assert reasons == ["these real parts were never started: kafka"]


def test_a_failure_is_named():
    assert verdict(UNIT, [1], Counts(passed=9, failed=2), []) == ["pytest ended with 1: 2 failed"]


def test_a_failed_lane_fails_its_tier():
    reasons = verdict(INTEGRATION, [0, 5], Counts(passed=9), INTEGRATION.parts)
    assert reasons == ["pytest ended with 5: 0 failed"]


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.name)
def test_each_test_file_of_a_tier_is_in_one_lane(tier):
    files = {
        file for lane in tier.lanes for path in lane for file in (repository() / path).rglob("test_*.py")
    }
    assert files
    assert [file for file in files if sum(takes(lane, file) for lane in tier.lanes) != 1] == []


def takes(lane, file):
    """Whether pytest, given the lane's paths, collects the file."""
    return any(file.is_relative_to(repository() / path) for path in lane)
