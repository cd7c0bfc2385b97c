"""Labels: what was known of a terminal's frauds, and when."""

from hypothesis import given
from hypothesis import strategies as st

from payments.labels import NO_LABELS, Report

times = st.integers(0, 100)
reports = st.lists(st.tuples(st.integers(0, 15), times, times), max_size=30)


@given(reports=reports, start=times, end=times, at=times)
def test_known_equals_counting_each_transactions_first_report(reports, start, end, at):
    labels = NO_LABELS
    first: dict[int, tuple[int, int]] = {}
    for number, happened, reported in reports:
        labels = labels.with_report(Report(f"x{number}", happened, reported))
        first.setdefault(number, (happened, reported))
    start, end = min(start, end), max(start, end)
    expected = sum(start < happened <= end and reported <= at for happened, reported in first.values())
    assert labels.known(start, end, at) == expected


def test_adding_a_report_leaves_the_labels_before_it_alone():
    before = NO_LABELS.with_report(Report("a", 10, 20))
    after = before.with_report(Report("b", 5, 30))
    assert before.known(0, 100, 100) == 1
    assert after.known(0, 100, 100) == 2
    assert not NO_LABELS
    assert before
