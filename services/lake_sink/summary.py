"""Pure: positions and commit ids in snapshot summaries, and a table's head read back from them."""

from collections.abc import Mapping

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Snapshot

from services.lake_sink.decision import Claim, Head
from services.lake_sink.lines import Line, Lines, before_tag, is_before, replay_branch
from streamkit.errors import StopError
from streamkit.positions import Positions

POSITIONS = "kapstan.positions"
COMMIT_ID = "kapstan.commit-id"
SWITCHED = "kapstan.switched"
"""On a snapshot that made another line of the table's history main: by what."""

_TOTALS = ("total-records", "total-data-files", "total-files-size")


def head_of(metadata: TableMetadata, ref: str = MAIN_BRANCH) -> Head:
    """Return the head of a table's main branch, or of another.

    Raises:
        StopError: the branch has rows but no snapshot with positions, so nobody can tell where to go on; or
            it is not main and not there.
    """
    history = lineage(metadata, ref)
    if not history and ref != MAIN_BRANCH:
        raise StopError(
            f"table {metadata.location} has no branch {ref}",
            hint="The replay that wrote to it was promoted or dropped, or the table was made again: "
            "`kapstan replay list` shows what there is",
        )
    carried = (text for snapshot in history if (text := _property(snapshot, POSITIONS)))
    text = next(carried, None)
    if text is None and history:
        raise StopError(
            f"table {metadata.location} has snapshots, but none carries {POSITIONS}",
            hint="Roll it back to a snapshot that does, or drop it: bronze is then read from Kafka again",
        )
    ids = (_property(snapshot, COMMIT_ID) for snapshot in history)
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
    properties = _totalled(previous, files=files, rows=rows, size=size)
    return {
        **properties,
        POSITIONS: head.positions.merge(claim.reached).to_json(),
        COMMIT_ID: claim.commit_id,
    }


def bare_summary(positions: Positions, commit_id: str, previous: Snapshot | None) -> dict[str, str]:
    """Return the properties of a snapshot that adds no row to `previous` but stands at `positions`."""
    properties = _totalled(previous, files=0, rows=0, size=0)
    return {**properties, POSITIONS: positions.to_json(), COMMIT_ID: commit_id}


def lines_of(metadata: TableMetadata, namespace: str) -> Lines:
    """Return the lines of a table that a replay's promotion is about. Raises as `head_of`."""
    before = metadata.refs.get(before_tag(namespace))
    sequences = {each.snapshot_id: each.sequence_number or 0 for each in metadata.snapshots}
    since = sequences[before.snapshot_id] if before is not None else None
    later = sorted(
        name
        for name, ref in metadata.refs.items()
        if is_before(name) and since is not None and sequences[ref.snapshot_id] > since
    )
    names = (MAIN_BRANCH, replay_branch(namespace), before_tag(namespace))
    main, replay, kept = (_line(metadata, name) for name in names)
    return Lines(main, replay, kept, later=tuple(later))


def _line(metadata: TableMetadata, ref: str) -> Line | None:
    found = metadata.refs.get(ref)
    return Line(found.snapshot_id, head_of(metadata, ref).positions) if found is not None else None


def _totalled(previous: Snapshot | None, *, files: int, rows: int, size: int) -> dict[str, str]:
    added = {"added-records": rows, "added-data-files": files, "added-files-size": size}
    before = _totals(previous.summary.additional_properties if previous and previous.summary else {})
    totals = dict(zip(_TOTALS, (before[0] + rows, before[1] + files, before[2] + size), strict=True))
    return {name: str(value) for name, value in {**added, **totals}.items()}


def _totals(properties: Mapping[str, str]) -> list[int]:
    return [int(properties.get(name, "0")) for name in _TOTALS]


def lineage(metadata: TableMetadata, ref: str) -> list[Snapshot]:
    """Return the snapshots of a branch or tag from its head back, as far as they are kept."""
    by_id = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
    named = metadata.refs.get(ref)
    snapshot = by_id.get(named.snapshot_id) if named is not None else None
    found: list[Snapshot] = []
    while snapshot is not None:
        found.append(snapshot)
        snapshot = by_id.get(snapshot.parent_snapshot_id or 0)
    return found


def standing_on(metadata: TableMetadata, ref: str) -> set[int]:
    """Return the snapshots that say where a branch or tag stands.

    These are its head, and where others have committed to it, all back to the newest with positions.
    """
    found: set[int] = set()
    for snapshot in lineage(metadata, ref):
        found.add(snapshot.snapshot_id)
        if _property(snapshot, POSITIONS):
            break
    return found


def _property(snapshot: Snapshot, name: str) -> str | None:
    return snapshot.summary.additional_properties.get(name) if snapshot.summary else None
