"""Bronze tables: found, made once, and given the columns that a writer's schema needs."""

from collections.abc import Sequence
from itertools import count

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    CommitStateUnknownException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.table import Table

from services.lake_sink.catalog import AWAY
from services.lake_sink.columns import Column
from services.lake_sink.errors import LakeAwayError
from services.lake_sink.evolution import Evolution, evolution_for
from services.lake_sink.iceberg_types import to_iceberg
from services.lake_sink.provenance import TABLE_PROPERTIES, partition_spec, table_name, table_schema

_ATTEMPTS = 5


class Tables:
    """Tables of one namespace. Every call blocks on the catalog and raises LakeAwayError when it is away."""

    def __init__(self, catalog: RestCatalog, namespace: str) -> None:
        self._catalog = catalog
        self._namespace = namespace

    def find(self, topic: str) -> Table | None:
        """Return a topic's table as it stands, None when there is none."""
        try:
            return self._load((self._namespace, table_name(topic)))
        except NoSuchTableError:
            return None

    def make(self, topic: str) -> Table:
        """Make a topic's table with its provenance columns; those of its records come by `evolve`.

        Only one writer may do so at a time: a catalog need not make tables atomically. SeaweedFS 4.x lets
        each of several callers believe that its table is the one, and keeps the last.
        """
        schema = table_schema(())
        name = (self._namespace, table_name(topic))
        try:
            self._make_namespace()
            properties = {**TABLE_PROPERTIES, "comment": f"Every record of {topic}, as it was read."}
            made: Table = self._catalog.create_table(
                name, schema, partition_spec=partition_spec(schema), properties=properties
            )
        except TableAlreadyExistsError:
            return self._load(name)
        except AWAY as error:
            raise _away(error) from error
        return made

    def evolve(self, table: Table, columns: Sequence[Column]) -> tuple[Table, Evolution]:
        """Give the table the columns it lacks; return it as it then stands, with what was found.

        Conflicts are left as they are: a table with any of them is not changed.
        """
        for attempt in count(1):
            found = evolution_for(table.schema(), columns)
            if found.conflicts or not found.needed:
                return table, found
            try:
                return _changed(table, found), found
            except (CommitFailedException, CommitStateUnknownException) as error:
                # Another writer's change, or our own whose answer was lost: look again.
                if attempt == _ATTEMPTS:
                    raise _away(error) from error
            except AWAY as error:
                raise _away(error) from error
            table = self._load(table.name())
        raise AssertionError("not reached")

    def _load(self, name: tuple[str, ...]) -> Table:
        try:
            table: Table = self._catalog.load_table(name)
        except AWAY as error:
            raise _away(error) from error
        return table

    def _make_namespace(self) -> None:
        try:
            self._catalog.create_namespace(self._namespace)
        except NamespaceAlreadyExistsError:
            return


def _changed(table: Table, found: Evolution) -> Table:
    placeholder = count(10_000).__next__  # pyiceberg gives the real ids
    with table.update_schema() as update:
        for path, arrow, doc in found.added:
            update.add_column(path, to_iceberg(arrow, placeholder), doc)
        for path, widened in found.widened:
            update.update_column(path, widened)
    return table


def _away(error: Exception) -> LakeAwayError:
    return LakeAwayError(f"the lake does not answer: {error or type(error).__name__}")
