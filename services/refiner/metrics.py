"""What the refiner counts. A batch that is done again after an aborted transaction counts again."""

from streamkit.metrics import Counter, Metrics


class RefinerMetrics(Metrics):
    """The refiner's own metrics; the loop's are in streamkit."""

    service = "refiner"

    refined_records = Counter("Records written to a refined topic.", labels=("topic",))
    repeated_records = Counter("Records left out because their event id was seen before.", labels=("topic",))
    dropped_records = Counter(
        "Records that are not valid and not kept, because their topic's file says rejects: drop.",
        labels=("topic", "reason"),
    )
