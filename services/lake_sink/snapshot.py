"""One attempt's snapshot: its manifests, written on top of the table's head, and what goes with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation, Snapshot, Summary

from services.lake_sink.decision import Claim, Head
from services.lake_sink.fileio import Outgoing
from services.lake_sink.manifests import Lists, ManifestFolder, to_merge
from services.lake_sink.orphans import attempt_name
from services.lake_sink.summary import append_summary
from streamkit.crashpoints import crash


@dataclass(frozen=True, slots=True)
class Batch:
    """A claim with the files written for it; all attempts share them and the snapshot id."""

    topic: str
    claim: Claim
    snapshot_id: int
    files: Sequence[DataFile]


def build_snapshot(
    table: Table, batch: Batch, lists: Lists, outgoing: Outgoing, head: Head, attempt: int, now_ms: int
) -> Snapshot:
    """Write the manifests of one attempt and return the snapshot that names them.

    Blocks on the object store until they and the batch's files are there. Nothing is overwritten: an earlier
    attempt may still come into force.

    Args:
        table: the table as just read; its head becomes the parent.
        batch: what to append.
        lists: the manifest lists that are known.
        outgoing: takes the manifests; the batch's files may still be on their way in it.
        head: the table's head.
        attempt: number of the attempt, part of the file names.
        now_ms: wall clock in milliseconds.
    """
    metadata = table.metadata
    parent = metadata.current_snapshot() if metadata.current_snapshot_id is not None else None
    folder = ManifestFolder(
        outgoing, f"{table.location()}/metadata", table.spec(), table.schema(), batch.snapshot_id
    )
    parent_id = parent.snapshot_id if parent else None
    # Each attempt writes all of its own: what is named after a parent can come into force on that one only.
    name = attempt_name(metadata.table_uuid, parent_id, batch.claim.commit_id, attempt)
    added = folder.write_added(f"{name}-added.avro", batch.files)
    crash.at("lake.after_manifest")
    manifests = lists.read(metadata.table_uuid, parent, outgoing.io) if parent else []
    small = to_merge(manifests, table.spec().spec_id)
    if small:
        merged = folder.write_merged(f"{name}-merged.avro", small)
        manifests = [merged, *(manifest for manifest in manifests if manifest not in small)]
    sequence = metadata.next_sequence_number()
    address, listed = folder.write_list(
        f"snap-{batch.snapshot_id}-{name}.avro", [added, *manifests], parent_id, sequence
    )
    crash.at("lake.after_manifest_list")
    outgoing.wait()
    lists.keep(metadata.table_uuid, address, listed)
    return Snapshot(
        snapshot_id=batch.snapshot_id,
        parent_snapshot_id=parent_id,
        sequence_number=sequence,
        # A catalog refuses time that runs backwards; a stepped clock does just that.
        timestamp_ms=max(now_ms, metadata.last_updated_ms),
        manifest_list=address,
        summary=_summary(batch, head, parent),
        schema_id=metadata.current_schema_id,
    )


def expired(metadata: TableMetadata, keep: int) -> list[int]:
    """Return the snapshots beyond the newest `keep`, of those that no branch or tag names.

    In an append-only table that makes no data file unused, only manifest lists and merged manifests, which
    `upkeep` deletes later; the newest snapshot carries the positions on.
    """
    named = {ref.snapshot_id for ref in metadata.refs.values()}
    oldest_first = sorted(metadata.snapshots, key=lambda snapshot: snapshot.sequence_number or 0)
    beyond = oldest_first[: max(0, len(oldest_first) - keep)]
    return [snapshot.snapshot_id for snapshot in beyond if snapshot.snapshot_id not in named]


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
