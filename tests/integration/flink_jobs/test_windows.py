"""Window jobs among real parts: what they write is what the log says, whatever is killed."""

import pytest

from flink_jobs.windows.cluster import Cluster
from local import supervise
from tests.support.window_reference import replay
from tests.support.window_run import PARTITIONS, WindowRun, events, heartbeat

START = 1_780_000_000_000
PART = 1500
STEP_MS = 700
PATIENCE_S = 240


@pytest.fixture
def run(parts, tmp_path, unique):
    run = WindowRun(parts, tmp_path, unique)
    yield run
    run.end_jobs()
    run.close()


@pytest.mark.timeout(900)
def test_rows_are_a_function_of_the_log(run):
    end = START
    end = feed(run, 1, end)
    first = run.submit()
    assert set(first) == set(run.names)
    run.settled(PATIENCE_S)

    # A TaskManager dies while rows wait for their commit: the jobs go on from their checkpoints.
    end = feed(run, 2, end)
    supervise.kill(run.stack, "flink_taskmanager")
    end = feed(run, 3, end)
    supervise.wait_ready(run.stack, "flink_taskmanager", PATIENCE_S)
    run.settled(PATIENCE_S)

    # A lost JobManager forgets its jobs: the keeper has each go on from its newest checkpoint.
    cluster = Cluster(run.settings.flink_url)
    with run.keeper():
        supervise.kill(run.stack, "flink")
        end = feed(run, 4, end)
        supervise.wait_ready(run.stack, "flink", PATIENCE_S)
        supervise.wait_ready(run.stack, "flink_taskmanager", PATIENCE_S)
        run.settled(PATIENCE_S)
    again = {name: job.id for name, job in cluster.jobs().items()}
    assert set(again) == set(run.names)
    assert not set(again.values()) & set(first.values())
    for job in again.values():
        restored = cluster.checkpoints(job)["latest"]["restored"]["external_path"]
        assert restored.split("/")[-2] in first.values()
    assert run.submit() == {}, "windows that run are left alone"

    # `kapstan audit` finds each record once in every closed window that it belongs to, by counting alone.
    audited = run.audit()
    assert (audited.skipped, audited.behind) == ([], [])
    for found in audited.differences:
        assert found.agrees, found
        assert found.expected > PART
    assert {found.topic for found in audited.differences} == set(run.names)

    # In batch the same declarations come to the same rows, and to those that a stream still holds open.
    run.replay("again")
    log = run.log()
    for name in run.names:
        declared = run.windows[name].declaration
        assert run.written(name, "again_gold") == replay(declared, log, "at")
    # `kapstan compare` comes to the same, over the rows that nothing can change any more.
    for name in run.names:
        on_time, late = run.compare(name, "again")
        assert (on_time.agrees, late.agrees) == (True, True), (on_time, late)
        closed = replay(run.windows[name].declaration, log, "at", closed_only=True)
        assert (on_time.equal, late.equal) == (len(closed.rows), len(closed.late))


def feed(run, seed, first):
    """Writes a stretch of the log, part of it in a transaction that is aborted; the time of its end."""
    rows = events(seed, first, PART, STEP_MS)
    run.send(rows[: len(rows) // 2])
    run.send(rows[: len(rows) // 3], abort=True)
    run.send(rows[len(rows) // 2 :])
    end = first + PART * STEP_MS
    run.send([(partition, end, heartbeat(end)) for partition in range(PARTITIONS)])
    return end
