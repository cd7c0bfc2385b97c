"""What the enricher counts. A batch that is done again after an aborted transaction counts again."""

from streamkit.metrics import Counter, Metrics


class EnricherMetrics(Metrics):
    """The enricher's own metrics; the loop's are in streamkit."""

    service = "enricher"

    enriched_records = Counter("Transactions written with their windows and joined rows.")
    repeated_records = Counter("Transactions left out because their id was seen before.")
    joins_total = Counter("Joins by the table and what was found.", labels=("table", "status"))
    windows_dropped_total = Counter("Windows dropped because their customer has fallen silent.")
