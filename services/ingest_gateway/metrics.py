"""Everything the gateway counts. Labels stay few: topics of the catalogue, codes, the two protocols."""

from streamkit.metrics import Counter, Gauge, Histogram, Metrics


class GatewayMetrics(Metrics):
    """Exported as kapstan_ingest_gateway_*."""

    service = "ingest_gateway"

    answers_total = Counter("Requests answered.", labels=("protocol", "code"))
    accepted_records = Counter("Records acknowledged by Kafka.", labels=("topic",))
    rejected_records = Counter("Records refused for a fault of their own.", labels=("topic",))
    failed_records = Counter("Records that Kafka did not acknowledge.", labels=("topic", "code"))
    unkept_rejects_total = Counter("Rejects that could not be kept.", labels=("code",))
    request_seconds = Histogram("From a request read whole to its answer.", labels=("protocol",))
    inflight_bytes = Gauge("Bytes of requests being read or waiting for Kafka.")
    routes_count = Gauge("Topics that take events.")
