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
from pyiceberg.table.refs import MAIN_BRANCH

from services.lake_sink.catalog import AWAY
from services.lake_sink.columns import Column
from services.lake_sink.decision import Head
from services.lake_sink.errors import LakeAwayError
from services.lake_sink.evolution import Evolution, evolution_for
from services.lake_sink.iceberg_types import to_iceberg
from services.lake_sink.provenance import TABLE_PROPERTIES, partition_spec, table_name, table_schema
from services.lake_sink.summary import head_of
from streamkit.errors import StopError

_ATTEMPTS = 5


class Tables:
    """Tables of one namespace, and one branch of them.

    Calls block on the catalog unless they say otherwise, and raise LakeAwayError when it is away.
    """

    def __init__(self, catalog: RestCatalog, namespace: str, ref: str = MAIN_BRANCH) -> None:
        self._catalog = catalog
        self._namespace = namespace
        self.ref = ref

    def head(self, table: Table) -> Head:
        """Return where the branch of a table stands, as it was read; does not block. Raises as `head_of`."""
        return head_of(table.metadata, self.ref)

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

        Raises:
            StopError: these are branches, of tables that are there.
        """
        if self.ref != MAIN_BRANCH:
            raise StopError(
                f"there is no table of {topic} with a branch {self.ref}",
                topic=topic,
                hint="The table was dropped: drop the replay, and replay again once live has made it anew",
            )
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
