"""Metrics of search_sink."""

from streamkit.metrics import Counter, Histogram, Metrics


class SearchMetrics(Metrics):
    """Everything search_sink measures."""

    service = "search_sink"

    indexed_records = Counter("Documents that are in their index.", labels=("family",))
    present_records = Counter("Documents that were there already (409).", labels=("family",))
    refused_records = Counter("Documents that OpenSearch refused for good.", labels=("reason",))
    dropped_records = Counter("Records given up without a dead letter.", labels=("reason",))
    retried_records = Counter("Documents sent again after 429 or 5xx.")
    bulk_seconds = Histogram("Time of one bulk request.")
