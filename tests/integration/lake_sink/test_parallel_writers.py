"""The gate that every catalog we name as supported has to pass: writers at once, on its compare-and-swap."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event

import pytest
import requests
from pyiceberg.catalog.rest import RestCatalog

from services.lake_sink import upkeep
from services.lake_sink.app import destination
from services.lake_sink.errors import LakeAwayError, StaleBatchError
from services.lake_sink.manifests import FANOUT
from services.lake_sink.metrics import LakeMetrics
from services.lake_sink.tables import Tables
from streamkit.clock import SystemClock
from streamkit.errors import RetryableError
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition

WRITERS, COMMITS, RECORDS = 3, 6, 5


def write(world, partition, encoder, ends):
    """Append to one partition until it stands at the end of `ends`; count what others made stale."""
    tp = TopicPartition(world.topic, partition)
    stale = 0
    with closing(destination(world.settings, world.registry, world.broker.admin(), SystemClock())) as lake:
        while (start := begun(lake, tp)) < ends[-1]:
            end = next(end for end in ends if end > start)
            values = [encoder.encode({"n": n}) for n in range(start, end)]
            try:
                lake.write([Record(*tp, start + n, 1_700_000_000_000, None, v) for n, v in enumerate(values)])
                lake.commit(Positions.of({tp: end}))
            except StaleBatchError:
                stale += 1
            except LakeAwayError:
                continue
    return stale


def begun(lake, tp):
    """Open as the loop does: again, until the writer of partition 0 has made the table."""
    for _ in range(600):
        try:
            return lake.open([tp])[tp]
        except RetryableError:
            SystemClock().sleep(0.05)
    raise AssertionError("nobody made the table")


def race(world, partitions):
    encoder = world.encoder()
    ends = [RECORDS * (n + 1) for n in range(COMMITS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        return sum(pool.map(lambda partition: write(world, partition, encoder, ends), partitions))


def offsets(world):
    return Counter((row["_partition"], row["_offset"]) for row in world.rows())


def test_writers_of_different_partitions_all_land_once(world):
    world.create(WRITERS)
    conflicts = LakeMetrics.conflicts_total._metric.labels(topic=world.topic)
    assert race(world, range(WRITERS)) == 0
    assert conflicts._value.get() > 0, "the writers never met, so this run has shown nothing"
    assert offsets(world) == Counter({(p, n): 1 for p in range(WRITERS) for n in range(RECORDS * COMMITS)})


def test_writers_of_one_partition_land_once_between_them(world):
    world.create()
    stale = race(world, [0] * WRITERS)
    assert stale > 0, "the writers never met, so this run has shown nothing"
    assert offsets(world) == Counter({(0, n): 1 for n in range(RECORDS * COMMITS)})


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_lost_answer_doubles_and_loses_nothing(world, monkeypatch, lost):
    world.create()
    commit_table = RestCatalog.commit_table
    calls, losses = iter(range(100)), []

    def lose_every_other_answer(self, table, requirements, updates):
        losing = next(calls) % 2 == 0
        if losing:
            losses.append(updates)
        if losing and lost == "before":
            raise requests.ConnectionError("cut off before it came")
        answer = commit_table(self, table, requirements, updates)
        if losing:
            raise requests.ReadTimeout("cut off after it was applied")
        return answer

    encoder = world.encoder()
    monkeypatch.setattr(RestCatalog, "commit_table", lose_every_other_answer)
    assert write(world, 0, encoder, [RECORDS, 2 * RECORDS, 3 * RECORDS]) == 0
    assert len(losses) > 1
    assert offsets(world) == Counter({(0, n): 1 for n in range(3 * RECORDS)})


@pytest.mark.timeout(240)
@pytest.mark.parametrize("taken_over", [True, False], ids=["a zombie", "slow"])
def test_a_writer_stopped_within_a_commit_finds_the_table_merged_expired_and_swept(
    world, monkeypatch, taken_over
):
    """All that its commit was built on is merged away, expired and deleted by the time it goes on."""
    world.create(2)
    monkeypatch.setattr(upkeep, "FIRST_LOOK", 5)
    monkeypatch.setattr(upkeep, "LOOK_EVERY", 5)
    world.settings = world.settings.model_copy(update={"lake_keep_snapshots": 3, "lake_grace_s": 0})
    p0, p1 = TopicPartition(world.topic, 0), TopicPartition(world.topic, 1)
    encoder, deleted = world.encoder(), LakeMetrics.deleted_files_total._metric._value.get
    before, commits = deleted(), 3 * FANOUT

    def records(tp, start, count):
        values = [encoder.encode({"n": n}) for n in range(start, start + count)]
        return [Record(*tp, start + n, 1_700_000_000_000, None, value) for n, value in enumerate(values)]

    with closing(open_lake(world)) as stopped, closing(open_lake(world)) as other:
        assert begun(stopped, p0) == 0
        stopped.write(records(p0, 0, RECORDS))
        reached, go_on = hold_first_commit(stopped, monkeypatch)
        with ThreadPoolExecutor(1) as pool:
            ended = pool.submit(stopped.commit, Positions.of({p0: RECORDS}))
            assert reached.wait(60)
            other.open([p0, p1] if taken_over else [p1])
            if taken_over:
                other.write(records(p0, 0, RECORDS))
            for n in range(commits):
                other.write(records(p1, n, 1))
                ends = {p0: RECORDS, p1: n + 1} if taken_over else {p1: n + 1}
                other.commit(Positions.of(ends))
            go_on.set()
            error = ended.exception(120)
    assert isinstance(error, StaleBatchError) if taken_over else error is None, error
    assert offsets(world) == Counter(
        {(0, n): 1 for n in range(RECORDS)} | {(1, n): 1 for n in range(commits)}
    )
    table = Tables(world.catalog, world.settings.bronze).find(world.topic)
    assert len(table.metadata.snapshots) <= 3
    assert len(table.current_snapshot().manifests(table.io)) < 2 * FANOUT
    assert deleted() - before > commits / 2, "nothing was swept, so this run has shown nothing"


def open_lake(world):
    return destination(world.settings, world.registry, world.broker.admin(), SystemClock())


def hold_first_commit(lake, monkeypatch):
    """Stop the writer's first call of the catalog until told to go on; return both events."""
    reached, go_on = Event(), Event()
    catalog = lake._committer._catalog
    commit_table = catalog.commit_table

    def held(*given):
        if not reached.is_set():
            reached.set()
            assert go_on.wait(120)
        return commit_table(*given)

    monkeypatch.setattr(catalog, "commit_table", held)
    return reached, go_on
