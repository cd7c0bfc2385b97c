"""Metrics of lake_sink."""

from streamkit.metrics import Counter, Histogram, Metrics


class LakeMetrics(Metrics):
    """Everything lake_sink measures."""

    service = "lake_sink"

    committed_records = Counter("Rows committed to bronze.", labels=("topic",))
    undecodable_records = Counter("Rows kept with an error instead of columns.", labels=("topic",))
    commit_seconds = Histogram("Time of one table's commit, from its rows to the catalog's answer.")
    conflicts_total = Counter("Attempts that found the table moved on.", labels=("topic",))
    unknown_answers_total = Counter("Attempts whose outcome was not known.", labels=("topic",))
    stale_batches_total = Counter("Batches dropped because another writer was ahead.", labels=("topic",))
    schema_changes_total = Counter("Changes of a table's columns.", labels=("topic",))
    deleted_files_total = Counter("Metadata files deleted because no snapshot needs them any more.")
    upkeep_failures_total = Counter("Looks at a table's metadata folder, or deletions there, that failed.")
