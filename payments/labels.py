"""Fraud labels of one terminal: which of its transactions were reported, and when."""

from array import array
from bisect import bisect_right
from typing import NamedTuple


class Report(NamedTuple):
    """One transaction confirmed as fraud. Times in milliseconds since 1970-01-01 UTC."""

    transaction_id: str
    transaction_ms: int
    reported_ms: int


class Labels:
    """The reports of one terminal in order of transaction time; immutable."""

    __slots__ = ("_ids", "_latest_report", "_reported", "_times")

    def __init__(self) -> None:
        self._ids: frozenset[str] = frozenset()
        self._times = array("q")
        self._reported = array("q")
        self._latest_report = 0

    def with_report(self, report: Report) -> "Labels":
        """These labels and one more; the first report of a transaction counts, repeats change nothing."""
        if report.transaction_id in self._ids:
            return self
        index = bisect_right(self._times, report.transaction_ms)
        more = Labels()
        more._ids = self._ids | {report.transaction_id}
        more._times = self._times[:]
        more._times.insert(index, report.transaction_ms)
        more._reported = self._reported[:]
        more._reported.insert(index, report.reported_ms)
        more._latest_report = max(self._latest_report, report.reported_ms)
        return more

    def __bool__(self) -> bool:
        return bool(self._ids)

    def known(self, start_ms: int, end_ms: int, at_ms: int) -> int:
        """How many frauds of (start, end] had been reported at or before `at_ms`."""
        first, last = bisect_right(self._times, start_ms), bisect_right(self._times, end_ms)
        if self._latest_report <= at_ms:
            return last - first
        return sum(reported <= at_ms for reported in self._reported[first:last])


NO_LABELS = Labels()
