"""The gate that every catalog we name as supported has to pass: writers at once, on its compare-and-swap."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import requests
from pyiceberg.catalog.rest import RestCatalog

from services.lake_sink.app import destination
from services.lake_sink.errors import LakeAwayError, StaleBatchError
from services.lake_sink.metrics import LakeMetrics
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
