"""Manifest files of an append: one for the new data files, small ones merged so that the list stays short.

The list of manifests is written anew by every commit, so its length is what makes commits slow. Merging
goes by tiers, as in a log-structured tree: ten manifests of one tier become one of the next, so a table
after n commits has at most ten times log10(n) manifests and each entry is rewritten log10(n) times.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from pyiceberg.avro.codecs import AvroCompressionCodec
from pyiceberg.io import FileIO
from pyiceberg.manifest import (
    DataFile,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriter,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.snapshots import Snapshot

from services.lake_sink.fileio import Outgoing

FANOUT = 10
MAX_TIER = 3
"""Manifests of this tier hold 1,000 files and more; they are left as they are."""

_COMPRESSION: AvroCompressionCodec = "deflate"


def tier(manifest: ManifestFile) -> int:
    """Return a manifest's tier: the number of digits of its file count, less one."""
    return len(str(_files(manifest))) - 1


def to_merge(manifests: Sequence[ManifestFile], spec_id: int) -> list[ManifestFile]:
    """Return the manifests to replace by one, or none: the lowest tier that has FANOUT members.

    Only data manifests of the partition spec in force are merged.
    """
    tiers: dict[int, list[ManifestFile]] = {}
    for manifest in manifests:
        if manifest.content == ManifestContent.DATA and manifest.partition_spec_id == spec_id:
            tiers.setdefault(tier(manifest), []).append(manifest)
    full = [
        members for level, members in sorted(tiers.items()) if level < MAX_TIER and len(members) >= FANOUT
    ]
    return full[0] if full else []


@dataclass(frozen=True, slots=True)
class ManifestFolder:
    """Where one snapshot's manifests go and what they describe; nothing waits until they are written."""

    outgoing: Outgoing
    location: str
    spec: PartitionSpec
    schema: Schema
    snapshot_id: int

    def write_added(self, name: str, files: Iterable[DataFile]) -> ManifestFile:
        """Begin to write the manifest of new data files, and return what the list says of it."""
        with self._writer(name) as writer:
            for file in files:
                writer.add_entry(
                    ManifestEntry.from_args(
                        status=ManifestEntryStatus.ADDED,
                        snapshot_id=self.snapshot_id,
                        sequence_number=None,
                        file_sequence_number=None,
                        data_file=file,
                    )
                )
        return writer.to_manifest_file()

    def write_merged(self, name: str, manifests: Iterable[ManifestFile]) -> ManifestFile:
        """Begin to write one manifest with the live entries of several; blocks while those are read."""
        with self._writer(name) as writer:
            for entries in self.outgoing.live_entries(manifests):
                for entry in entries:
                    writer.existing(entry)
        return writer.to_manifest_file()

    def write_list(
        self, name: str, manifests: Sequence[ManifestFile], parent_id: int | None, sequence_number: int
    ) -> tuple[str, list[ManifestFile]]:
        """Begin to write the snapshot's manifest list; return its address and what it says."""
        address = f"{self.location}/{name}"
        with write_manifest_list(
            format_version=2,
            output_file=self.outgoing.new_output(address),
            snapshot_id=self.snapshot_id,
            parent_snapshot_id=parent_id,
            sequence_number=sequence_number,
            avro_compression=_COMPRESSION,
        ) as writer:
            listed = [writer.prepare_manifest(manifest) for manifest in manifests]
            writer.add_manifests(listed)
        return address, listed

    def _writer(self, name: str) -> ManifestWriter:
        output = self.outgoing.new_output(f"{self.location}/{name}")
        return write_manifest(2, self.spec, self.schema, output, self.snapshot_id, _COMPRESSION)


class Lists:
    """The manifest list last written for each table, where its next commit begins; threads may share it."""

    def __init__(self) -> None:
        """Begin with none."""
        self._last: dict[UUID, tuple[str, list[ManifestFile]]] = {}

    def keep(self, table: UUID, address: str, manifests: list[ManifestFile]) -> None:
        """Take what was written at an address, which no other list will ever have."""
        self._last[table] = (address, manifests)

    def read(self, table: UUID, snapshot: Snapshot, io: FileIO) -> list[ManifestFile]:
        """Return a snapshot's manifests; blocks on the object store when another list is known, or none."""
        address, manifests = self._last.get(table, ("", []))
        return list(manifests) if address == snapshot.manifest_list else list(snapshot.manifests(io))


def _files(manifest: ManifestFile) -> int:
    return (manifest.added_files_count or 0) + (manifest.existing_files_count or 0)
