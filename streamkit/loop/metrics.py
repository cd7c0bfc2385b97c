"""What every loop counts, under one set of names for all services."""

from streamkit.metrics import Counter, Gauge, Histogram, Metrics


class LoopMetrics(Metrics):
    """Metrics of the Transform and Sink loops; a process runs one loop, so there is no service label."""

    service = "loop"
    in_records = Counter("Records taken from input topics, heartbeats included.")
    out_records = Counter("Records written to named outputs.")
    rejected_records = Counter("Records put aside as dead letters.", labels=("reason",))
    heartbeat_records = Counter("Heartbeats written to silent output partitions.")
    aborted_total = Counter("Transactions or flushes given up and done again.")
    commit_seconds = Histogram("Time from the first record of a batch in hand to its commit.")
    assigned_partitions = Gauge("Input partitions assigned to this worker.")
    restoring_partitions = Gauge("Assigned partitions whose state is not complete yet.")
