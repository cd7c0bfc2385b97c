"""One attempt's snapshot: its manifests, written on top of a branch's head, and what goes with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyiceberg.manifest import DataFile, ManifestFile
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Operation, Snapshot, Summary

from services.lake_sink.decision import Claim, Head
from services.lake_sink.fileio import Outgoing
from services.lake_sink.manifests import Lists, ManifestFolder, to_merge
from services.lake_sink.orphans import attempt_name
from services.lake_sink.summary import append_summary, lineage
from streamkit.crashpoints import crash


@dataclass(frozen=True, slots=True)
class Batch:
    """A claim with the files written for it; all attempts share them and the snapshot id."""

    topic: str
    claim: Claim
    snapshot_id: int
    files: Sequence[DataFile]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What tells one attempt from all others, and what it is built on.

    Attributes:
        parent: the branch's head, None for the first snapshot of all.
        snapshot_id: the new snapshot's, the same in all attempts of one commit.
        commit_id: likewise.
        number: of the attempt, part of the file names: an earlier one may still come into force.
        now_ms: wall clock in milliseconds.
    """

    parent: Snapshot | None
    snapshot_id: int
    commit_id: str
    number: int
    now_ms: int

    @property
    def parent_id(self) -> int | None:
        """The parent's id."""
        return self.parent.snapshot_id if self.parent is not None else None


@dataclass(frozen=True, slots=True)
class SnapshotFiles:
    """Where the manifests of a commit's attempts are read and go.

    Attributes:
        table: the table as just read.
        outgoing: takes the manifests; the batch's files may still be on their way in it.
        lists: the manifest lists that are known.
    """

    table: Table
    outgoing: Outgoing
    lists: Lists

    def folder(self, snapshot_id: int) -> ManifestFolder:
        """Return where a new snapshot's go."""
        table = self.table
        location = f"{table.location()}/metadata"
        return ManifestFolder(self.outgoing, location, table.spec(), table.schema(), snapshot_id)

    def manifests(self, snapshot: Snapshot | None) -> list[ManifestFile]:
        """Return the manifests of the parent; none without one. Blocks where the list is not known."""
        uuid = self.table.metadata.table_uuid
        return self.lists.read(uuid, snapshot, self.table.io) if snapshot is not None else []


def build_snapshot(files: SnapshotFiles, batch: Batch, head: Head, attempt: Attempt) -> Snapshot:
    """Write the manifests of one attempt and return the snapshot that names them.

    Blocks on the object store until they and the batch's files are there. Nothing is overwritten: an earlier
    attempt may still come into force.

    Args:
        files: see there.
        batch: what to append.
        head: the head of the branch that it is appended to.
        attempt: see there.
    """
    table, folder = files.table, files.folder(attempt.snapshot_id)
    # Each attempt writes all of its own: what is named after a parent can come into force on that one only.
    name = attempt_name(table.metadata.table_uuid, attempt.parent_id, batch.claim.commit_id, attempt.number)
    added = folder.write_added(f"{name}-added.avro", batch.files)
    crash.at("lake.after_manifest")
    manifests = files.manifests(attempt.parent)
    small = to_merge(manifests, table.spec().spec_id)
    if small:
        merged = folder.write_merged(f"{name}-merged.avro", small)
        manifests = [merged, *(manifest for manifest in manifests if manifest not in small)]
    return _listed(files, attempt, [added, *manifests], _summary(batch, head, attempt.parent))


def bare_snapshot(files: SnapshotFiles, attempt: Attempt, properties: Mapping[str, str]) -> Snapshot:
    """Write a list of the parent's manifests alone, and return the snapshot that names it; blocks.

    It says something new about the same rows, by the properties in its summary.
    """
    manifests = files.manifests(attempt.parent)
    return _listed(files, attempt, manifests, Summary(Operation.APPEND, **properties))


def expired(metadata: TableMetadata, ref: str, keep: int) -> list[int]:
    """Return the snapshots that a commit to a branch drops: its own beyond the newest `keep`.

    What another branch or tag names stays, and what lies behind it: that branch's own writer drops it. Main's
    writer also drops what lies behind no name at all. In an append-only table that makes no data file unused,
    only manifest lists and merged manifests, which `upkeep` deletes later; the newest snapshot carries the
    positions on.
    """
    named = {each.snapshot_id for each in metadata.refs.values()}
    beyond = {snapshot.snapshot_id for snapshot in lineage(metadata, ref)[keep:]}
    if ref == MAIN_BRANCH:
        held = {snapshot.snapshot_id for each in metadata.refs for snapshot in lineage(metadata, each)}
        beyond |= {snapshot.snapshot_id for snapshot in metadata.snapshots} - held
    return sorted(beyond - named)


def _listed(
    files: SnapshotFiles, attempt: Attempt, manifests: Sequence[ManifestFile], summary: Summary
) -> Snapshot:
    metadata = files.table.metadata
    sequence = metadata.next_sequence_number()
    name = attempt_name(metadata.table_uuid, attempt.parent_id, attempt.commit_id, attempt.number)
    address, listed = files.folder(attempt.snapshot_id).write_list(
        f"snap-{attempt.snapshot_id}-{name}.avro", manifests, attempt.parent_id, sequence
    )
    crash.at("lake.after_manifest_list")
    files.outgoing.wait()
    files.lists.keep(metadata.table_uuid, address, listed)
    return Snapshot(
        snapshot_id=attempt.snapshot_id,
        parent_snapshot_id=attempt.parent_id,
        sequence_number=sequence,
        # A catalog refuses time that runs backwards; a stepped clock does just that.
        timestamp_ms=max(attempt.now_ms, metadata.last_updated_ms),
        manifest_list=address,
        summary=summary,
        schema_id=metadata.current_schema_id,
    )


def _summary(batch: Batch, head: Head, parent: Snapshot | None) -> Summary:
    return Summary(
        Operation.APPEND,
        **append_summary(
            batch.claim,
            head,
            parent,
            files=len(batch.files),
            rows=sum(file.record_count for file in batch.files),
            size=sum(file.file_size_in_bytes for file in batch.files),
        ),
    )
