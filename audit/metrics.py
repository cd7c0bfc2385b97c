"""Metrics of an audit that follows the log."""

from streamkit.metrics import Counter, Gauge, Metrics


class AuditMetrics(Metrics):
    """Exported as `kapstan_audit_<name>`."""

    service = "audit"

    audited_records = Counter("Records of Kafka that were compared with a store.", labels=("topic", "store"))
    lost_records = Counter("Records and effects that a store lacks.", labels=("topic", "store"))
    doubled_records = Counter(
        "Records and effects that a store has more than once.", labels=("topic", "store")
    )
    unexpected_records = Counter("Records that a store should not have.", labels=("topic", "store"))
    differing_records = Counter("Records of which a store says something else.", labels=("topic", "store"))
    repeated_records = Counter("Records that clients sent again; no fault.", labels=("topic",))
    behind_count = Gauge("Stores and services that have not caught up with the log in time.")
    lag_seconds = Gauge("Time since the log stood where everything has been compared up to.")
    rounds_total = Counter("Rounds that were ended.")
