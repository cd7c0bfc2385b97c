"""Typed metric declarations over prometheus-client.

A service declares all its metrics in one class at module level, so that a typo is a type error and the
names are one list:

    class RefinerMetrics(Metrics):
        service = "refiner"
        refined_records = Counter("Records written to a refined topic.", labels=("topic",))

    RefinerMetrics.refined_records.inc(topic="web.clicks.refined.v1")

exports `kapstan_refiner_refined_records_total{topic="web.clicks.refined.v1"}`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, ClassVar

import prometheus_client as prometheus

# Each counter and histogram would export a second series with its creation time, which nobody reads.
prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]

UNITS = ("bytes", "count", "info", "lag", "partitions", "ratio", "records", "seconds", "timestamp", "total")
"""What a metric's name may end in; the base units of Prometheus and what a log counts."""

# From one poll of the loop to a stalled broker; the 200 ms promise falls on a bound.
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """Base of a service's metrics class: set `service`, then one attribute per metric."""

    service: ClassVar[str]

    def __init_subclass__(cls) -> None:
        for attribute, metric in vars(cls).items():
            if isinstance(metric, _Metric):
                metric.name(cls, attribute)


class _Metric:
    """One declared metric; its class names it after the attribute that it is assigned to."""

    _metric: Any

    def __init__(self, documentation: str, labels: Sequence[str] = ()) -> None:
        self._documentation = documentation
        self._labels = tuple(labels)
        self._children: dict[tuple[tuple[str, str], ...], Any] = {}

    def name(self, owner: type[Metrics], attribute: str) -> None:
        """Take the full name and begin to be exported; raises TypeError when it does not end in a unit."""
        if attribute.rsplit("_", 1)[-1] not in UNITS:
            raise TypeError(
                f"Metric {owner.__name__}.{attribute} must end in a unit: one of {', '.join(UNITS)}"
            )
        self._register(f"kapstan_{owner.service}_{attribute}")

    def _register(self, name: str) -> None:
        raise NotImplementedError

    def _child(self, labels: Mapping[str, str]) -> Any:
        """Return the series of a label set; remembered, because finding it costs more than counting."""
        key = tuple(labels.items())
        child = self._children.get(key)
        if child is None:
            child = self._metric.labels(**labels) if self._labels or labels else self._metric
            self._children[key] = child
        return child


class Counter(_Metric):
    """A number that only grows, such as records refused; exported with the suffix `_total`."""

    def _register(self, name: str) -> None:
        self._metric = prometheus.Counter(name, self._documentation, self._labels)

    def inc(self, amount: float = 1, **labels: str) -> None:
        """Add `amount` >= 0; raises ValueError when the labels are not those declared."""
        self._child(labels).inc(amount)


class Gauge(_Metric):
    """A number that goes up and down, such as lag."""

    def _register(self, name: str) -> None:
        self._metric = prometheus.Gauge(name, self._documentation, self._labels)

    def set(self, value: float, **labels: str) -> None:
        """Set the value; raises ValueError when the labels are not those declared."""
        self._child(labels).set(value)

    def inc(self, amount: float = 1, **labels: str) -> None:
        """Add `amount`, which may be negative; raises ValueError on other labels than declared."""
        self._child(labels).inc(amount)

    def forget(self, **labels: str) -> None:
        """Stop exporting one label set, for example of a partition that was taken away."""
        self._metric.remove_by_labels(labels)
        self._children = {
            key: child for key, child in self._children.items() if not labels.items() <= dict(key).items()
        }


class Histogram(_Metric):
    """A distribution over fixed buckets, in seconds unless told otherwise."""

    def __init__(
        self, documentation: str, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS
    ) -> None:
        super().__init__(documentation, labels)
        self._buckets = tuple(buckets)

    def _register(self, name: str) -> None:
        self._metric = prometheus.Histogram(name, self._documentation, self._labels, buckets=self._buckets)

    def observe(self, value: float, **labels: str) -> None:
        """Count one value; raises ValueError when the labels are not those declared."""
        self._child(labels).observe(value)

    @contextmanager
    def time(self, **labels: str) -> Iterator[None]:
        """Count how long the block took, in seconds, also when it raises."""
        start = perf_counter()
        try:
            yield
        finally:
            self.observe(perf_counter() - start, **labels)
