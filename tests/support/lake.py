"""An Iceberg catalog in memory, with files on the local disk, that loses answers and refuses on demand."""

from collections import deque
from itertools import count
from pathlib import Path

import pyarrow.parquet as pq
import requests
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, RESTError, TableAlreadyExistsError
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.metadata import new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import update_table_metadata

CONFLICT, LOST_BEFORE, LOST_AFTER, GOOD = "conflict", "lost before", "lost after", "good"
"""What becomes of a commit: refused, cut off before it is applied, or after, or neither."""


class MemoryCatalog:
    """What lake_sink asks of a REST catalog.

    `faults` holds what befalls the next commits; commits to the tables in `refused` never come through.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables = {}
        self._versions = count(1)
        self.faults = deque()
        self.refused = set()

    def create_namespace(self, name):
        (self._folder / name).mkdir(exist_ok=True)

    def create_table(self, name, schema, *, partition_spec, properties):
        if name in self._tables:
            raise TableAlreadyExistsError(str(name))
        place = self._folder.joinpath(*name)
        for part in ("data", "metadata"):
            (place / part).mkdir(parents=True, exist_ok=True)
        self._tables[name] = new_table_metadata(
            schema, partition_spec, UNSORTED_SORT_ORDER, str(place), {**properties}
        )
        return self.load_table(name)

    def load_table(self, name):
        try:
            metadata = self._tables[name]
        except KeyError:
            raise NoSuchTableError(str(name)) from None
        return Table(name, metadata, f"v{next(self._versions)}", PyArrowFileIO(), self)

    def supports_server_side_planning(self):
        return False

    def drop_table(self, name):
        del self._tables[name]

    def _delete_old_metadata(self, io, base, metadata):
        """What a pyiceberg table asks of its catalog after a change of its schema."""

    def commit_table(self, table, requirements, updates):
        if table.name() in self.refused:
            raise requests.ConnectionError("refused")
        fault = self.faults.popleft() if self.faults else GOOD
        if fault == CONFLICT:
            raise CommitFailedException("the table has moved on")
        if fault == LOST_BEFORE:
            raise requests.ConnectionError("cut off before")
        if table.name() not in self._tables:
            raise RESTError("404")
        base = self._tables[table.name()]
        for requirement in requirements:
            requirement.validate(base)
        self._tables[table.name()] = update_table_metadata(base, updates)
        if fault == LOST_AFTER:
            raise requests.ReadTimeout("cut off after")
        return CommitTableResponse.model_validate(
            {"metadata": self._tables[table.name()], "metadata-location": f"v{next(self._versions)}"}
        )


def read(table):
    """Every row of a table as dictionaries, read file by file from its manifests."""
    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot else []
    files = [
        entry.data_file.file_path
        for manifest in manifests
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    ]
    assert len(files) == len(set(files))
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]
