"""Deletes what expired snapshots leave in a table's metadata folder, a few files behind each commit."""

import logging
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

from pyarrow.fs import FileSelector, FileSystem
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata

from services.lake_sink.metrics import LakeMetrics
from services.lake_sink.orphans import InUse, Seen, orphans

FIRST_LOOK, LOOK_EVERY = 50, 500
"""Commits of one table before the first look at its folder, and between two: a look lists all of it."""

DELETED_AT_ONCE = 10
"""A commit leaves three to four files behind: this keeps up, and no commit is slower than its neighbours."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Folder:
    """What is known of one table's metadata folder."""

    until_look: int = field(default_factory=lambda: FIRST_LOOK)
    orphans: deque[str] = field(default_factory=deque)
    running: Future[None] | None = None


class Upkeep:
    """Works in a thread of its own; what goes wrong there is logged and tried again at the next look."""

    def __init__(self, catalog: RestCatalog, grace_s: float) -> None:
        """Begin without a task. A file that is younger than `grace_s` stays."""
        self._catalog = catalog
        self._grace_s = grace_s
        self._folders: dict[UUID, _Folder] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="upkeep")

    def committed(self, before: TableMetadata, table: Table) -> None:
        """Note a commit that made `table` of what was `before`, and do what is due behind it; never blocks.

        Metadata files that it dropped from the log are deleted, which not every catalog does itself.
        """
        folder = self._folders.setdefault(table.metadata.table_uuid, _Folder())
        folder.orphans.extend(_dropped(before, table.metadata))
        folder.until_look -= 1
        if folder.running is not None and not folder.running.done():
            return
        if folder.until_look <= 0 or folder.orphans:
            folder.running = self._pool.submit(self._work, table, folder)

    def close(self) -> None:
        """Wait for what has begun; no more is done."""
        self._pool.shutdown(cancel_futures=True)

    def _work(self, table: Table, folder: _Folder) -> None:
        try:
            if folder.until_look <= 0:
                folder.until_look = LOOK_EVERY
                folder.orphans.extend(look(self._catalog.load_table(table.name()), self._grace_s))
            else:
                few = [folder.orphans.popleft() for _ in range(min(DELETED_AT_ONCE, len(folder.orphans)))]
                delete(table, few)
        except Exception as error:  # noqa: BLE001 - upkeep may fail in any way, a commit must not
            folder.orphans.clear()
            LakeMetrics.upkeep_failures_total.inc()
            _log.warning("The upkeep of %s has to wait: %s", table.name(), error)


def look(table: Table, grace_s: float) -> list[str]:
    """Return the names of the manifests and manifest lists to delete, oldest first.

    Reads the manifest list of every snapshot; blocks on the object store.

    Args:
        table: as just loaded.
        grace_s: seconds that a file stays after its making.
    """
    files, path = _folder(table)
    found = files.get_file_info(FileSelector(path))
    seen = [Seen(each.base_name, each.mtime_ns / 1e9) for each in found if each.is_file and each.mtime_ns]
    return orphans(seen, _in_use(table), grace_s)


def delete(table: Table, names: list[str]) -> None:
    """Delete files of the table's metadata folder; blocks on the object store."""
    files, path = _folder(table)
    for name in names:
        files.delete_file(f"{path}/{name}")
        LakeMetrics.deleted_files_total.inc()


def _in_use(table: Table) -> InUse:
    snapshots = table.metadata.snapshots
    names = {_name(snapshot.manifest_list) for snapshot in snapshots}
    for snapshot in snapshots:
        names.update(_name(each.manifest_path) for each in snapshot.manifests(table.io))
    return InUse(table.metadata.table_uuid, {snapshot.snapshot_id for snapshot in snapshots}, names)


def _dropped(before: TableMetadata, after: TableMetadata) -> list[str]:
    kept = {entry.metadata_file for entry in after.metadata_log}
    return [_name(each.metadata_file) for each in before.metadata_log if each.metadata_file not in kept]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _folder(table: Table) -> tuple[FileSystem, str]:
    if not isinstance(table.io, PyArrowFileIO):
        raise TypeError(f"pyiceberg uses {type(table.io).__name__} for files, which cannot list them")
    scheme, netloc, path = PyArrowFileIO.parse_location(f"{table.location()}/metadata")
    return table.io.fs_by_scheme(scheme, netloc), path
