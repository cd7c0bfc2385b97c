"""Manifest files of an append: one for the new data files, small ones merged so that the list stays short.

The list of manifests is written anew by every commit, so its length is what makes commits slow. Merging
goes by tiers, as in a log-structured tree: ten manifests of one tier become one of the next, so a table
after n commits has at most ten times log10(n) manifests and each entry is rewritten log10(n) times.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    """Where one snapshot's manifests go and what they describe."""

    io: FileIO
    location: str
    spec: PartitionSpec
    schema: Schema
    snapshot_id: int

    def write_added(self, name: str, files: Iterable[DataFile]) -> ManifestFile:
        """Write the manifest of new data files; blocks on the object store."""
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
        """Write one manifest with the live entries of several; blocks on the object store."""
        with self._writer(name) as writer:
            for manifest in manifests:
                for entry in manifest.fetch_manifest_entry(self.io, discard_deleted=True):
                    writer.existing(entry)
        return writer.to_manifest_file()

    def write_list(
        self, name: str, manifests: Sequence[ManifestFile], parent_id: int | None, sequence_number: int
    ) -> str:
        """Write the snapshot's manifest list and return its address; blocks on the object store."""
        address = f"{self.location}/{name}"
        with write_manifest_list(
            format_version=2,
            output_file=self.io.new_output(address),
            snapshot_id=self.snapshot_id,
            parent_snapshot_id=parent_id,
            sequence_number=sequence_number,
            avro_compression=_COMPRESSION,
        ) as writer:
            writer.add_manifests(list(manifests))
        return address

    def _writer(self, name: str) -> ManifestWriter:
        output = self.io.new_output(f"{self.location}/{name}")
        return write_manifest(2, self.spec, self.schema, output, self.snapshot_id, _COMPRESSION)


def _files(manifest: ManifestFile) -> int:
    return (manifest.added_files_count or 0) + (manifest.existing_files_count or 0)
