"""Pure: the search request behind each panel, as Dashboards sends it, for tests and for people with curl."""

from collections.abc import Mapping
from typing import Any

from dashboards.panels import Dashboard, Metric, Panel

METRIC = "metric"
_LIST_SIZE = 500


def request_of(panel: Panel, dashboard: Dashboard, interval: str = "1h") -> dict[str, Any]:
    """Return the body of the search that fills a panel.

    Args:
        panel: the panel.
        dashboard: the dashboard it is on; its `since` bounds the time.
        interval: width of the buckets over time; Dashboards takes one that fits the screen.
    """
    time = dashboard.indices[panel.index].time
    query = {
        "bool": {
            "must": [{"query_string": {"query": panel.query, "analyze_wildcard": True}}],
            "filter": [{"range": {time: {"gte": dashboard.since, "lte": "now"}}}],
        }
    }
    if panel.kind == "list":
        return {"size": _LIST_SIZE, "query": query, "sort": [{time: "desc"}], "_source": list(panel.columns)}
    return {"size": 0, "query": query, "aggs": _buckets(panel, interval)}


def _buckets(panel: Panel, interval: str) -> Mapping[str, Any]:
    """Nest the buckets: time outside, then each split, the metric inside."""
    inner = _metric(panel.metric)
    for split in reversed(panel.split):
        terms = {"terms": {"field": split.field, "size": split.size}}
        inner = {split.field: {**terms, **({"aggs": inner} if inner else {})}}
    if panel.over_time is None:
        return inner
    histogram = {"date_histogram": {"field": panel.over_time, "fixed_interval": interval, "min_doc_count": 1}}
    return {panel.over_time: {**histogram, **({"aggs": inner} if inner else {})}}


def _metric(metric: Metric) -> dict[str, Any]:
    if metric.percentiles is not None:
        return {METRIC: {"percentiles": {"field": metric.percentiles, "percents": list(metric.at)}}}
    for name in ("sum", "avg", "cardinality"):
        field = getattr(metric, name)
        if field is not None:
            return {METRIC: {name: {"field": field}}}
    return {}
