"""What the tables of windows hold, and which window jobs run."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchTableError

from audit.windowcounts import Spans, count_column
from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.cluster import Cluster
from flink_jobs.windows.errors import ClusterAwayError
from replay.windows import LIVE
from services.lake_sink.catalog import open_catalog
from services.lake_sink.config import LakeSettings
from streamkit.errors import RetryableError


class Gold:
    """Reads window tables. Every call blocks, and raises RetryableError when lake or Flink is away."""

    def __init__(self, settings: LakeSettings, flink_url: str, windows: Mapping[str, BoundWindow]) -> None:
        """Take where the lake and Flink are, and the declared windows by name."""
        self._catalog: RestCatalog = open_catalog(settings)
        self._cluster = Cluster(flink_url)
        self.windows = windows

    def running(self) -> set[str]:
        """Return the windows whose jobs have not ended."""
        try:
            return set(self._cluster.jobs())
        except ClusterAwayError as error:
            raise RetryableError(str(error)) from error

    def rows(self, window: BoundWindow, settled_ms: int, final_ms: int) -> pa.Table | None:
        """Return keys, window and count of the rows that end in (settled, final]; None without a table."""
        columns = [*_keys(window), "window_start", "window_end", count_column(window) or ""]
        ended = f"window_end > '{_stamp(settled_ms)}' and window_end <= '{_stamp(final_ms)}'"
        return self._read(window.declaration.table, ended, columns)

    def late(self, window: BoundWindow, settled_ms: int, taken: Spans) -> pa.Table | None:
        """Return the late rows of the records in `taken`; None without a table.

        Of records before those, the rows of windows that ended after `settled_ms`.
        """
        columns = [*_keys(window), "reason", "window_start", "window_end"]
        parts = [
            f"(source_partition = {partition} and source_offset < {stop}"
            f" and (source_offset >= {start} or window_end > '{_stamp(settled_ms)}'))"
            for partition, (start, stop) in taken.items()
        ]
        where = [*columns, "source_partition", "source_offset"]
        return self._read(window.declaration.late_table, " or ".join(parts), where)

    def _read(self, name: str, chosen: str, columns: Sequence[str]) -> pa.Table | None:
        try:
            table = self._catalog.load_table((LIVE, name))
        except NoSuchTableError:
            return None
        found: pa.Table = table.scan(row_filter=chosen, selected_fields=tuple(columns)).to_arrow()
        return found


def _keys(window: BoundWindow) -> list[str]:
    return [each.name for each in window.keys]


def _stamp(time_ms: int) -> str:
    return datetime.fromtimestamp(max(time_ms, 0) / 1000, UTC).isoformat(timespec="milliseconds")
