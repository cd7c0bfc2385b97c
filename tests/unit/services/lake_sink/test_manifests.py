"""Merging, as independent readers see it: fastavro on manifests, pyarrow on files, pyiceberg's scan."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.lake_sink.fileio import Outgoing
from services.lake_sink.manifests import FANOUT, MAX_TIER, ManifestFolder, tier, to_merge
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from tests.support.lake import read

P0 = TopicPartition("t", 0)
ADDED, EXISTING = 1, 0


def avro(path):
    with Path(path).open("rb") as file:
        return list(fastavro.reader(file))


def entries(snapshot):
    """Yield each live file of a snapshot with the snapshot and sequence numbers it is inherited or given."""
    for manifest in avro(snapshot.manifest_list):
        found = avro(manifest["manifest_path"])
        assert manifest["added_files_count"] == sum(e["status"] == ADDED for e in found)
        assert manifest["existing_files_count"] == sum(e["status"] == EXISTING for e in found)
        rows = sum(e["data_file"]["record_count"] for e in found)
        assert manifest["added_rows_count"] + manifest["existing_rows_count"] == rows
        numbers = []
        for entry in found:
            # The spec lets only a new file inherit its numbers from the manifest.
            sequence = entry["sequence_number"]
            assert (sequence is None) is (entry["status"] == ADDED)
            numbers.append(manifest["sequence_number"] if sequence is None else sequence)
            yield entry["data_file"]["file_path"], (entry["snapshot_id"], numbers[-1])
        assert manifest["min_sequence_number"] == min(numbers)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as made:
        yield made


def commit(writer, make, start, many):
    writer.write([make(offset) for offset in range(start, start + many)])
    writer.commit(Positions.of({P0: start + many}))


def test_every_file_keeps_its_numbers_through_all_merges(lake, make):
    writer, known, most = lake.writer(), {}, 0
    writer.open([P0])
    for offset in range(FANOUT**2 + FANOUT + 3):
        commit(writer, make, offset, 1)
        head = lake.table().current_snapshot()
        found = list(entries(head))
        assert len(found) == len(dict(found)) == offset + 1
        (new,) = dict(found).keys() - known.keys()
        assert dict(found)[new] == (head.snapshot_id, head.sequence_number)
        assert {path: numbers for path, numbers in found if path != new} == known
        known, most = dict(found), max(most, len(avro(head.manifest_list)))
    assert most <= 2 * FANOUT + 1, "the list of manifests grew with the number of commits"
    rows = lake.table().scan().to_arrow().to_pylist()
    assert sorted(row["_offset"] for row in rows) == list(range(len(known)))
    assert sorted(map(str, read(lake.table()))) == sorted(map(str, rows))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 12), min_size=5, max_size=30))
def test_any_sizes_merge_without_losing_or_doubling_an_entry(tmp_path_factory, make, pool, sizes):
    """Manifests of arbitrary sizes, as foreign writers leave them, merged by the rule until it rests."""
    from tests.unit.services.lake_sink.conftest import Lake

    lake = Lake(tmp_path_factory.mktemp("lake"))
    writer = lake.writer()
    writer.open([P0])
    commit(writer, make, 0, 1)
    table = lake.table()
    folder = folder_of(table, pool)
    (manifest,) = table.current_snapshot().manifests(table.io)
    (entry,) = manifest.fetch_manifest_entry(table.io)
    manifests, total = [], 0
    for number, size in enumerate(sizes):
        with folder._writer(f"m{number}.avro") as out:
            for _ in range(size + 1):
                total += 1
                out.existing(moved(entry, f"f{total}"))
        manifests.append(out.to_manifest_file())
    folder.outgoing.wait()
    paths = [f"f{n + 1}" for n in range(total)]
    for turn in range(1000):
        assert sorted(paths_of(manifests), key=lambda path: int(path[1:])) == paths
        small = to_merge(manifests, table.spec().spec_id)
        if not small:
            break
        merged = folder.write_merged(f"merged{turn}.avro", small)
        folder.outgoing.wait()
        manifests = [merged, *(each for each in manifests if each not in small)]
    by_tier = [tier(each) for each in manifests]
    assert all(by_tier.count(level) < FANOUT for level in range(MAX_TIER))


def folder_of(table, pool):
    outgoing = Outgoing(table.io, pool)
    return ManifestFolder(outgoing, f"{table.location()}/metadata", table.spec(), table.schema(), 7)


def moved(entry, path):
    """Return the entry for another file; pyiceberg's entries share what they hold, so all is made anew."""
    from pyiceberg.manifest import DataFile, ManifestEntry, ManifestEntryStatus

    old = entry.data_file
    file = DataFile.from_args(
        content=old.content,
        file_path=path,
        file_format=old.file_format,
        partition=old.partition,
        record_count=1,
        file_size_in_bytes=1,
    )
    return ManifestEntry.from_args(
        status=ManifestEntryStatus.EXISTING,
        snapshot_id=entry.snapshot_id,
        sequence_number=1,
        file_sequence_number=1,
        data_file=file,
    )


def paths_of(manifests):
    return [e["data_file"]["file_path"] for each in manifests for e in avro(each.manifest_path)]


@pytest.mark.parametrize("fields", [{"partition_spec_id": 9}, {"content": 1}])
def test_manifests_of_another_spec_or_of_deletes_are_left_alone(fields):
    from pyiceberg.manifest import ManifestContent, ManifestFile

    given = {"content": 0, "partition_spec_id": 0, **fields}
    many = [
        ManifestFile.from_args(
            manifest_path=f"m{n}",
            manifest_length=1,
            partition_spec_id=given["partition_spec_id"],
            content=ManifestContent(given["content"]),
            added_files_count=1,
        )
        for n in range(2 * FANOUT)
    ]
    assert to_merge(many, 0) == []
