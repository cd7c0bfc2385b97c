"""How many rows the lake holds, as its tables' newest snapshots say."""

from typing import TYPE_CHECKING, NamedTuple

from local.components import components
from local.stack import Stack

if TYPE_CHECKING:
    from pyiceberg.catalog.rest import RestCatalog

BRONZE, GOLD, LATE = "bronze", "gold", "_late"


class LakeRows(NamedTuple):
    """Rows in the bronze tables, in the windows' tables, and in the tables of rows too late for a window."""

    bronze: int
    windows: int
    late: int


class Lake:
    """Asks the catalog; nothing is read of the data itself."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._catalog: RestCatalog | None = None

    def rows(self) -> LakeRows | None:
        """Rows of all tables; None when the catalog does not answer."""
        from services.lake_sink.catalog import AWAY

        try:
            bronze, gold = self._count(BRONZE), self._count(GOLD)
        except AWAY:
            return None
        late = sum(rows for table, rows in gold.items() if table.endswith(LATE))
        return LakeRows(sum(bronze.values()), sum(gold.values()) - late, late)

    def _count(self, namespace: str) -> dict[str, int]:
        """Rows by table."""
        from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

        catalog = self._open()
        rows: dict[str, int] = {}
        try:
            tables = catalog.list_tables(namespace)
        except NoSuchNamespaceError:
            return rows
        for table in tables:
            try:
                snapshot = catalog.load_table(table).metadata.current_snapshot()
            except NoSuchTableError:
                continue  # dropped since it was listed
            if snapshot is not None and snapshot.summary is not None:
                rows[table[-1]] = int(snapshot.summary["total-records"] or 0)
        return rows

    def _open(self) -> "RestCatalog":
        if self._catalog is None:
            # pyiceberg takes a second to import, which is not to hold up the start.
            from services.lake_sink.catalog import open_catalog
            from services.lake_sink.config import LakeSettings

            environ = components()["lake_sink"].environment(self._stack)
            given = {name.removeprefix("KAPSTAN_").lower(): value for name, value in environ.items()}
            self._catalog = open_catalog(LakeSettings.load(**given))
        return self._catalog
