"""Logs that windows come to grief over elsewhere: the rows are a function of the log, however it runs."""

import random
from collections import Counter

import pytest

from flink_jobs.windows.cluster import Cluster
from flink_jobs.windows.declaration import Session
from local import supervise
from tests.support.waiting import until
from tests.support.window_reference import replay
from tests.support.window_run import WindowRun, event, heartbeat, milliseconds

START = 1_780_000_000_000
STEP_MS = 1000
STRETCH = 900
LENGTH_MS = STRETCH * STEP_MS
TEN_DAYS_MS = 10 * 86_400_000
PATIENCE_S = 300


@pytest.fixture
def run(parts, tmp_path, unique):
    run = WindowRun(parts, tmp_path, unique, partitions=4, kinds=("hop", "session"))
    yield run
    run.end_jobs()
    run.close()


@pytest.mark.timeout(1800)
def test_skew_silence_and_parallelism_change_no_row(run):
    """Four partitions and one log, taken by a job per window at parallelism 2 and then 4."""
    # One partition is ten days behind, one holds nothing but heartbeats, and some events are a year ahead.
    end = START + LENGTH_MS
    run.send(stretch(1, START, (0, 1)) + stretch(2, START, (3,), behind_ms=TEN_DAYS_MS) + beats(2, START))
    run.send([(partition, end, heartbeat(end)) for partition in (0, 1, 2)])
    first = run.submit(parallelism=2)
    run.settled(PATIENCE_S)

    # Parallelism 4 goes on from the checkpoint of parallelism 2. Partition 3 arrives in the present, and
    # what wrote heartbeats into partition 2 is dead: results stand still where it left off.
    cancelled(run, first)
    again = run.submit(parallelism=4)
    assert set(again) == set(run.names)
    run.send(stretch(3, end, (0, 1, 3)))
    later = end + LENGTH_MS
    run.send([(partition, later, heartbeat(later)) for partition in (0, 1, 3)])
    held = run.settled(PATIENCE_S)
    checkpoints_pass(run, again.values(), 2)
    assert run.counts() == held

    # The silent partition comes back with what happened meanwhile, and a TaskManager dies over it.
    supervise.kill(run.stack, "flink_taskmanager")
    latest = later + LENGTH_MS
    run.send(stretch(4, later, (2,), behind_ms=LENGTH_MS))
    run.send(stretch(5, later, (0, 1, 2, 3)))
    supervise.wait_ready(run.stack, "flink_taskmanager", PATIENCE_S)
    run.send([(partition, latest, heartbeat(latest)) for partition in range(4)])
    assert all(more > before for more, before in zip(run.settled(PATIENCE_S), held, strict=True))


@pytest.mark.timeout(1800)
def test_a_batch_over_bronze_is_one_over_kafka(run, tmp_path):
    """Both come to the rows of the reference, those that a stream would hold open too; nothing is missing."""
    end = START + LENGTH_MS
    run.send(stretch(1, START, (0, 1)) + stretch(2, START, (3,), behind_ms=TEN_DAYS_MS) + beats(2, START))
    run.send(stretch(3, end, (0, 1, 2, 3)))
    run.replay("kafka")
    run.to_bronze(tmp_path / "lake_sink")
    run.replay("bronze", bronze=True)
    log = run.log()
    for name in run.names:
        expected = replay(run.windows[name].declaration, log, "at")
        assert run.written(name, "kafka_gold") == expected
        for table in (name, f"{name}_late"):
            assert in_order(run.rows("bronze_gold", table)) == in_order(run.rows("kafka_gold", table))
    hop = run.names[0]
    assert counted(run, hop, "bronze_gold") == in_bronze(run, hop)


def stretch(seed, first, partitions, behind_ms=0):
    """STRETCH rows that arrive from `first` (ms) on; what they tell of happened `behind_ms` earlier."""
    rnd = random.Random(seed)
    rows = []
    for number in range(STRETCH):
        now = first + number * STEP_MS
        luck, at = rnd.random(), now - behind_ms - rnd.randrange(4000)
        if luck < 0.03:
            at -= rnd.randrange(900_000)
        elif luck < 0.04:
            at = now + rnd.randrange(300_001, 365 * 86_400_000)
        elif luck < 0.045:
            at = -rnd.randrange(1, 10**12)
        rows.append((rnd.choice(partitions), now, event(f"{seed}-{number}", at, rnd)))
    return rows


def beats(partition, first):
    """Heartbeats of a partition that is silent, one for every ten seconds."""
    return [(partition, now, heartbeat(now)) for now in range(first, first + LENGTH_MS, 10_000)]


def cancelled(run, jobs):
    """End the jobs; their newest checkpoints stay."""
    cluster = Cluster(run.settings.flink_url)
    for job in jobs.values():
        cluster.cancel(job)
    until(lambda: not cluster.jobs() and cluster.slots_free() >= 8, PATIENCE_S)


def checkpoints_pass(run, jobs, number):
    """Wait until each job has completed so many more checkpoints: what was to come has come by then."""
    cluster = Cluster(run.settings.flink_url)
    before = {job: cluster.checkpoints(job)["counts"]["completed"] for job in jobs}
    until(
        lambda: all(
            cluster.checkpoints(job)["counts"]["completed"] >= n + number for job, n in before.items()
        ),
        PATIENCE_S,
    )


def in_order(rows):
    return sorted(repr(sorted(row.items())) for row in rows)


def counted(run, name, database):
    """Rows by (key, window) as the window's table has counted them, and those in its late table."""
    found = Counter()
    for row in run.rows(database, name):
        found[window_of(row)] += row["events"]
    for row in run.rows(database, f"{name}_late"):
        if row["window_start"] is not None:
            found[window_of(row)] += 1
    return found


def in_bronze(run, name):
    """Events by (key, window) in bronze, misdated ones aside: they belong to no window."""
    assign = run.windows[name].declaration.assign
    assert not isinstance(assign, Session)
    slide = getattr(assign, "slide", assign.size)
    found = Counter()
    for row in run.bronze():
        at = row["at"]
        if row["_heartbeat"] or not 0 <= at <= milliseconds(row["_ingest_time"]) + 300_000:
            continue
        for begin in range(at // slide * slide, at - assign.size, -slide):
            found[row["tenant"], row["category"], begin] += 1
    return found


def window_of(row):
    return row["tenant"], row["category"], milliseconds(row["window_start"])
