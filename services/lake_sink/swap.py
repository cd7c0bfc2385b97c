"""The catalog's compare-and-swap on the names of one table, and how often it is tried.

A commit asserts the head of its own branch only. Another branch's commit in between changes nothing that it
is built on, but one thing: the numbers of snapshots rise over all branches, and the catalog refuses one that
was used. So where a table has other branches it is read anew right before a commit, and a refusal is the
catalog's last word only if the table has not changed.
"""

from collections.abc import Mapping, Sequence

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table
from pyiceberg.table.refs import SnapshotRefType
from pyiceberg.table.update import (
    AssertRefSnapshotId,
    AssertTableUUID,
    SetSnapshotRefUpdate,
    TableRequirement,
    TableUpdate,
)

from services.lake_sink.catalog import answer_of
from services.lake_sink.decision import Answer

ATTEMPTS = 8
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0


def pause_s(attempt: int) -> float:
    """Return how long to wait after an attempt that is not settled, before the table is read again."""
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0**attempt)


def naming(ref: str, snapshot_id: int, kind: SnapshotRefType = SnapshotRefType.BRANCH) -> TableUpdate:
    """Return the update that lets a branch or tag name a snapshot."""
    return SetSnapshotRefUpdate.model_validate({"ref-name": ref, "type": kind, "snapshot-id": snapshot_id})


def swap(
    catalog: RestCatalog, table: Table, stands: Mapping[str, int | None], updates: Sequence[TableUpdate]
) -> None:
    """Change a table if it is the one that was read and its names stand where they did; it is new then.

    Blocks. Raises what pyiceberg does; `catalog.answer_of` says what that means.

    Args:
        catalog: where the table is.
        table: as it was read; has the new metadata afterwards.
        stands: branches and tags with the snapshots that they name, None for one that must not be there.
        updates: the change.
    """
    requirements: list[TableRequirement] = [AssertTableUUID(uuid=table.metadata.table_uuid)]
    requirements += [AssertRefSnapshotId(ref=ref, snapshot_id=each) for ref, each in stands.items()]
    answer = catalog.commit_table(table, tuple(requirements), tuple(updates))
    table.metadata, table.metadata_location = answer.metadata, answer.metadata_location


def tried(
    catalog: RestCatalog, table: Table, stands: Mapping[str, int | None], updates: Sequence[TableUpdate]
) -> tuple[Answer | None, Exception | None]:
    """Try `swap`, and sort what came of it; blocks.

    Returns:
        The answer, None when the catalog refuses for good, and the error that told, if there was one.
    """
    try:
        swap(catalog, table, stands, updates)
    except Exception as error:  # noqa: BLE001 - sorted by what it says of the outcome
        answer = answer_of(error)
        return Answer.CONFLICT if answer is None and moved_on(catalog, table) else answer, error
    return Answer.DONE, None


def shared(table: Table) -> bool:
    """Tell whether others may commit to the table on a branch of their own."""
    refs = table.metadata.refs.values()
    return sum(ref.snapshot_ref_type is SnapshotRefType.BRANCH for ref in refs) > 1


def moved_on(catalog: RestCatalog, table: Table) -> bool:
    """Tell whether a table has a newer snapshot than when it was read, or is gone; blocks.

    Raises what pyiceberg does.
    """
    try:
        now: Table = catalog.load_table(table.name())
    except NoSuchTableError:
        return True
    return now.metadata.next_sequence_number() != table.metadata.next_sequence_number()
