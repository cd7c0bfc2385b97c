import dataclasses
from concurrent.futures import Executor, Future
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from services.lake_sink import upkeep as module
from services.lake_sink.metrics import LakeMetrics
from services.lake_sink.upkeep import Upkeep, delete, look
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from tests.support.lake import CONFLICT, LOST_AFTER, read

P0 = TopicPartition("t", 0)


class Inline(Executor):
    """Does at once what it is given, so that a test need not wait."""

    def submit(self, work, /, *given):
        done = Future()
        done.set_result(work(*given))
        return done


@pytest.fixture
def inline(monkeypatch):
    monkeypatch.setattr(module, "ThreadPoolExecutor", lambda *_, **__: Inline())


def grow(lake, make, commits, start=0):
    writer = lake.writer()
    writer.open([P0])
    for offset in range(start, start + commits):
        writer.write([make(offset)])
        writer.commit(Positions.of({P0: offset + 1}))
    writer.close()


def in_folder(lake):
    return {path.name for path in Path(lake.table().location(), "metadata").glob("*.avro")}


def test_a_sweep_leaves_what_snapshots_need_and_no_more(lake, make):
    grow(lake, make, 1)
    lake.catalog.faults.extend([CONFLICT, LOST_AFTER, CONFLICT])
    grow(lake, make, 39, start=1)
    table = lake.table()
    doomed = look(table, 0.0)
    assert len(doomed) > 40
    delete(table, doomed)
    for snapshot in table.metadata.snapshots:
        files = [
            entry
            for manifest in snapshot.manifests(table.io)
            for entry in manifest.fetch_manifest_entry(table.io)
        ]
        assert len(files) == int(snapshot.summary["total-data-files"])
    assert len(read(lake.table())) == 40
    assert look(lake.table(), 0.0) == []
    assert len(in_folder(lake)) < 40
    grow(lake, make, 3, start=40)
    assert len(read(lake.table())) == 43


def test_a_snapshot_with_a_name_keeps_its_files(lake, make):
    grow(lake, make, 3)
    with lake.table().manage_snapshots() as change:
        change.create_tag(lake.table().current_snapshot().snapshot_id, "audit")
    grow(lake, make, 20, start=3)
    delete(lake.table(), look(lake.table(), 0.0))
    (tagged,) = [s for s in lake.table().metadata.snapshots if s.summary["total-records"] == "3"]
    table = lake.table()
    assert sum(1 for m in tagged.manifests(table.io) for _ in m.fetch_manifest_entry(table.io)) == 3


def test_nothing_is_deleted_within_the_time_of_grace(lake, make):
    grow(lake, make, 20)
    assert look(lake.table(), 3600.0) == []


def test_commits_sweep_behind_themselves(lake, make, monkeypatch, inline):
    monkeypatch.setattr(module, "FIRST_LOOK", 10)
    monkeypatch.setattr(module, "LOOK_EVERY", 10)
    grow(lake, make, 60)
    assert len(in_folder(lake)) < 60
    assert len(read(lake.table())) == 60


def test_a_store_that_is_away_costs_no_commit(lake, make, monkeypatch, inline):
    monkeypatch.setattr(module, "FIRST_LOOK", 1)

    def away(_table, _grace_s):
        raise requests.ConnectionError("away")

    monkeypatch.setattr(module, "look", away)
    failures = LakeMetrics.upkeep_failures_total._metric._value.get
    before = failures()
    grow(lake, make, 2)
    assert failures() > before
    assert len(read(lake.table())) == 2


@dataclasses.dataclass
class Log:
    """Of a table's metadata, what tells which metadata files are dropped."""

    metadata_log: list
    table_uuid: str = "u"


def test_a_metadata_file_that_leaves_the_log_is_deleted(tmp_path, inline):
    names = [f"v{n}.metadata.json" for n in range(4)]
    entries = [SimpleNamespace(metadata_file=f"{tmp_path}/metadata/{name}") for name in names]
    (tmp_path / "metadata").mkdir()
    for name in names:
        (tmp_path / "metadata" / name).touch()
    table = local_table(tmp_path, Log(entries[2:]))
    Upkeep(None, 0.0).committed(Log(entries[:3]), table)
    assert sorted(path.name for path in (tmp_path / "metadata").iterdir()) == names[2:]


def local_table(folder, metadata):
    from pyiceberg.io.pyarrow import PyArrowFileIO

    return SimpleNamespace(
        metadata=metadata, io=PyArrowFileIO(), location=lambda: str(folder), name=lambda: ("b", "t")
    )
