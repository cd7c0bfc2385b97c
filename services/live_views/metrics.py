"""Metrics of live_views."""

from streamkit.metrics import Counter, Gauge, Histogram, Metrics


class LiveViewsMetrics(Metrics):
    """Exported as `kapstan_live_views_<name>`."""

    service = "live_views"

    folded_records = Counter("Decisions delivered, repeats included.")
    heartbeat_records = Counter("Heartbeats skipped.")
    dropped_records = Counter("Records left out of the views, by reason.", labels=("reason",))
    changed_records = Counter("Rows written to a changelog.", labels=("table",))
    rows_count = Gauge("Rows held in memory.", labels=("table",))
    next_offset_lag = Gauge("Records of a partition not yet folded in.", labels=("partition",))
    batch_seconds = Histogram("Time from a batch's first record read to its position acknowledged.")
