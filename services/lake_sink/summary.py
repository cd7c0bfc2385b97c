"""Pure: positions and commit ids in snapshot summaries, and a table's head read back from them."""

from collections.abc import Iterator, Mapping

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Snapshot

from services.lake_sink.decision import Claim, Head
from streamkit.errors import StopError
from streamkit.positions import Positions

POSITIONS = "kapstan.positions"
COMMIT_ID = "kapstan.commit-id"
_TOTALS = ("total-records", "total-data-files", "total-files-size")


def head_of(metadata: TableMetadata) -> Head:
    """Return the head of a table's main branch.

    Raises:
        StopError: the table has rows but no snapshot with positions, so nobody can tell where to go on.
    """
    history = list(_history(metadata))
    carried = (text for snapshot in history if (text := _property(snapshot, POSITIONS)))
    text = next(carried, None)
    if text is None and history:
        raise StopError(
            f"table {metadata.location} has snapshots, but none carries {POSITIONS}",
            hint="Roll it back to a snapshot that does, or drop it: bronze is then read from Kafka again",
        )
    ids = (_property(snapshot, COMMIT_ID) for snapshot in metadata.snapshots)
    return Head(
        str(metadata.table_uuid),
        Positions.from_json(text) if text is not None else Positions(),
        frozenset(commit_id for commit_id in ids if commit_id is not None),
    )


def append_summary(
    claim: Claim, head: Head, previous: Snapshot | None, *, files: int, rows: int, size: int
) -> dict[str, str]:
    """Return the properties of the snapshot that appends a claim's files to `previous`.

    Positions are the table's whole vector: those of other partitions are carried on.

    Args:
        claim: the batch.
        head: the head that it is appended to.
        previous: the head's snapshot, None for the table's first.
        files: data files added.
        rows: rows in them.
        size: their bytes.
    """
    added = {"added-records": rows, "added-data-files": files, "added-files-size": size}
    before = _totals(previous.summary.additional_properties if previous and previous.summary else {})
    totals = dict(zip(_TOTALS, (before[0] + rows, before[1] + files, before[2] + size), strict=True))
    return {
        **{name: str(value) for name, value in {**added, **totals}.items()},
        POSITIONS: head.positions.merge(claim.reached).to_json(),
        COMMIT_ID: claim.commit_id,
    }


def _totals(properties: Mapping[str, str]) -> list[int]:
    return [int(properties.get(name, "0")) for name in _TOTALS]


def _history(metadata: TableMetadata) -> Iterator[Snapshot]:
    """Yield the snapshots of the main branch from its head back, as far as they are kept."""
    ref = metadata.refs.get(MAIN_BRANCH)
    snapshot = metadata.snapshot_by_id(ref.snapshot_id) if ref else None
    while snapshot is not None:
        yield snapshot
        parent = snapshot.parent_snapshot_id
        snapshot = metadata.snapshot_by_id(parent) if parent is not None else None


def _property(snapshot: Snapshot, name: str) -> str | None:
    return snapshot.summary.additional_properties.get(name) if snapshot.summary else None
