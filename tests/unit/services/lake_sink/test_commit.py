from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.lake_sink.errors import LakeAwayError, StaleBatchError
from services.lake_sink.summary import COMMIT_ID
from services.lake_sink.swap import ATTEMPTS
from streamkit.errors import RetryableError
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from tests.support.lake import CONFLICT, GOOD, LOST_AFTER, LOST_BEFORE, read

P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)


def reached(**offsets):
    return Positions.of({("t", int(name[1:])): offset for name, offset in offsets.items()})


def offsets(table):
    return sorted((row["_partition"], row["_offset"]) for row in read(table))


@pytest.fixture
def writer(lake, make):
    destination = lake.writer()
    destination.open([P0])
    destination.write([make(offset) for offset in range(3)])
    destination.commit(reached(p0=3))
    destination.write([make(offset) for offset in range(3, 5)])
    return destination


@pytest.mark.parametrize(
    "faults",
    [[], [CONFLICT], [LOST_BEFORE], [LOST_AFTER], [CONFLICT, LOST_BEFORE, LOST_AFTER], [LOST_BEFORE] * 7],
    ids=str,
)
def test_a_batch_lands_once_whatever_becomes_of_the_answers(lake, writer, faults):
    lake.catalog.faults.extend(faults)
    writer.commit(reached(p0=5))
    assert offsets(lake.table()) == [(0, n) for n in range(5)]
    assert lake.writer().open([P0])[P0] == 5


def test_a_catalog_that_stays_away_is_an_error_that_passes(lake, writer):
    lake.catalog.faults.extend([LOST_BEFORE] * ATTEMPTS)
    with pytest.raises(LakeAwayError, match="no commit came through"):
        writer.commit(reached(p0=5))
    assert writer.open([P0])[P0] == 3


def test_an_attempt_that_comes_into_force_late_is_found(lake, writer):
    lake.catalog.faults.extend([*[LOST_BEFORE] * (ATTEMPTS - 1), LOST_AFTER])
    with pytest.raises(LakeAwayError):
        writer.commit(reached(p0=5))
    assert writer.open([P0])[P0] == 5
    assert len(offsets(lake.table())) == 5


def test_a_zombie_drops_its_batch(lake, writer, make):
    heir = lake.writer()
    heir.open([P0])
    heir.write([make(offset) for offset in range(3, 9)])
    heir.commit(reached(p0=9))
    with pytest.raises(StaleBatchError, match="another writer"):
        writer.commit(reached(p0=5))
    assert offsets(lake.table()) == [(0, n) for n in range(9)]
    assert writer.open([P0])[P0] == 9


def test_two_writers_of_one_table_keep_each_others_positions(lake, writer, make):
    other = lake.writer()
    other.open([P1])
    other.write([make(offset, partition=1) for offset in range(4)])
    other.commit(reached(p1=4))
    writer.commit(reached(p0=5))
    assert lake.writer().open([P0, P1]) == reached(p0=5, p1=4).with_ids({"t": "id-t"})


def test_a_table_made_again_is_not_given_a_batch_of_the_old_one(lake, writer, make):
    lake.catalog.drop_table(("bronze", "t"))
    with pytest.raises(RetryableError):
        writer.commit(reached(p0=5))
    assert writer.open([P0])[P0] == 0


def test_a_table_dropped_and_filled_by_another_is_left_alone(lake, writer, make, tmp_path):
    lake.catalog.drop_table(("bronze", "t"))
    (tmp_path / "bronze" / "t").rename(tmp_path / "old")
    heir = lake.writer()
    heir.open([P0])
    heir.write([make(0)])
    heir.commit(reached(p0=1))
    (tmp_path / "old").rename(tmp_path / "bronze" / "t-old")
    with pytest.raises(RetryableError):
        writer.commit(reached(p0=5))
    assert offsets(lake.table()) == [(0, 0)]


def test_snapshots_and_manifests_stay_few(lake, make):
    writer = lake.writer()
    writer.open([P0])
    for offset in range(35):
        writer.write([make(offset)])
        writer.commit(reached(p0=offset + 1))
    table = lake.table()
    assert len(table.metadata.snapshots) == 5
    assert len(table.current_snapshot().manifests(table.io)) <= 3 + 10
    assert offsets(table) == [(0, n) for n in range(35)]
    assert table.current_snapshot().summary["total-records"] == "35"


def test_each_snapshot_bears_its_commit_id(lake, writer):
    writer.commit(reached(p0=5))
    assert [s.summary[COMMIT_ID] for s in lake.table().metadata.snapshots] == ["commit1", "commit2"]


FAULTS = st.lists(st.sampled_from([GOOD, CONFLICT, LOST_BEFORE, LOST_AFTER]), max_size=12)
STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["open", "write", "commit"]), st.integers(1, 4)), max_size=25
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, faults=FAULTS)
def test_any_interleaving_of_writers_and_faults_is_exact(tmp_path_factory, make, steps, faults):
    """Writers that each believe to own the partition, in any order, over a catalog that loses answers."""
    from tests.unit.services.lake_sink.conftest import Lake

    lake = Lake(tmp_path_factory.mktemp("lake"))
    writers = [lake.writer() for _ in range(3)]
    nexts = [None] * 3
    lake.catalog.faults.extend(faults)
    for who, what, many in [*steps, *[(0, "open", 1), (0, "write", 1), (0, "commit", 1)]]:
        try:
            if what == "open" or nexts[who] is None:
                nexts[who] = writers[who].open([P0])[P0]
            elif what == "write":
                writers[who].write([make(offset) for offset in range(nexts[who], nexts[who] + many)])
                nexts[who] += many
            else:
                writers[who].commit(reached(p0=nexts[who]))
        except RetryableError:
            nexts[who] = None
    stands = lake.writer().open([P0])[P0]
    found = Counter(row["_offset"] for row in read(lake.table()))
    assert found == Counter(range(stands))
