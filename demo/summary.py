"""The one JSON line that ends a run without a terminal."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to, all of it measured; None where a part was left out or could not be asked.

    Attributes:
        decisions: on live traffic, since everything was ready.
        p50_ms, p99_ms, p999_ms: from the gateway having read a request to its decision in a reader's hand.
        lost, doubled: acknowledged events that a store lacks, or that took effect twice there.
        repeats: events that are in the log more than once because a client sent them again; without effect.
        late: rows that came too late for their window.
        start_seconds: from the command to the first live decision.
        memory_mb: the most that all parts together held (resident).
        bronze_rows, window_rows: rows in the lake.
        search_documents: documents in OpenSearch.
    """

    decisions: int
    p50_ms: int | None
    p99_ms: int | None
    p999_ms: int | None
    lost: int | None
    doubled: int | None
    repeats: int | None
    late: int | None
    start_seconds: float | None
    memory_mb: int
    bronze_rows: int | None
    window_rows: int | None
    search_documents: int | None
