"""A replay's branch takes main's place and gives it back, over a catalog that loses answers."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.lake_sink.errors import LakeAwayError, LakeRefusedError, StaleBatchError
from services.lake_sink.lines import Standing, promotion, rolling_back
from services.lake_sink.summary import SWITCHED, head_of
from services.lake_sink.swap import ATTEMPTS
from services.lake_sink.upkeep import delete, look
from streamkit.errors import RetryableError, StopError
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.testing.clock import ManualClock
from tests.support.lake import CONFLICT, GOOD, LOST_AFTER, LOST_BEFORE, read

P0, T = TopicPartition("t", 0), ("bronze", "t")
REPLAYED = 1000
"""Rows of the replay say their offset plus this, those of live their offset."""


def commit(writer, make, start, end, more=0):
    writer.write([make(offset, n=offset + more) for offset in range(start, end)])
    writer.commit(Positions.of({P0: end}))


def promote(lake, holds=False):
    return lake.switch().change(T, lambda lines: promotion("r", lines, lambda _: holds))


def roll_back(lake):
    return lake.switch().change(T, lambda lines: rolling_back("r", lines))


def values(table):
    return [row["n"] for row in sorted(read(table), key=lambda row: row["_offset"])]


@pytest.fixture
def live(lake, make):
    writer = lake.writer()
    writer.open([P0])
    commit(writer, make, 0, 3)
    return writer


@pytest.fixture
def replay(lake, make, live):
    assert lake.switch().begin(T)
    writer = lake.writer("replay-r")
    assert writer.open([P0])[P0] == 0
    commit(writer, make, 0, 4, REPLAYED)
    return writer


def test_a_replay_begins_without_rows_and_leaves_main_alone(lake, replay):
    assert values(lake.table()) == [0, 1, 2]
    lines = lake.switch().lines(T)
    assert (lines.main.positions[P0], lines.replay.positions[P0], lines.before) == (3, 4, None)
    assert lake.switch().begin(T), "what is there already is left as it is"
    assert lake.switch().lines(T) == lines
    assert not lake.switch().begin(("bronze", "u"))
    assert lake.switch().lines(("bronze", "u")).main is None


@pytest.mark.parametrize(
    "faults", [[], [CONFLICT], [LOST_BEFORE], [LOST_AFTER], [CONFLICT, LOST_BEFORE, LOST_AFTER]], ids=str
)
def test_promotion_and_rollback_happen_once_whatever_becomes_of_the_answers(lake, replay, faults):
    lake.catalog.faults.extend(faults)
    assert promote(lake) is None
    table = lake.table()
    assert values(table) == [REPLAYED + n for n in range(4)]
    assert head_of(table.metadata).positions[P0] == 4
    assert table.current_snapshot().summary["total-records"] == "4"
    assert table.current_snapshot().summary[SWITCHED] == "promotion of r"
    assert promote(lake) is Standing.PROMOTED
    lake.catalog.faults.extend(faults)
    assert roll_back(lake) is None
    assert values(lake.table()) == [0, 1, 2]
    assert roll_back(lake) is Standing.NOT_PROMOTED
    assert promote(lake) is None
    assert values(lake.table()) == [REPLAYED + n for n in range(4)]


def test_an_outcome_that_stays_unknown_is_found_by_the_next_call(lake, replay):
    lake.catalog.faults.extend([*[LOST_BEFORE] * (ATTEMPTS - 1), LOST_AFTER])
    with pytest.raises(LakeAwayError):
        promote(lake)
    assert promote(lake) is Standing.PROMOTED


def test_a_catalog_that_refuses_for_good_is_no_reason_to_try_again(lake, replay, monkeypatch):
    def refuse(*_):
        raise ValueError("no")

    monkeypatch.setattr(lake.catalog, "commit_table", refuse)
    with pytest.raises(LakeRefusedError, match="refuses the change: no"):
        promote(lake)


def test_live_goes_on_from_the_promoted_rows_and_from_those_taken_back(lake, make, live, replay):
    live.write([make(offset) for offset in range(3, 6)])
    assert promote(lake) is None
    with pytest.raises(StaleBatchError):
        live.commit(Positions.of({P0: 6}))
    assert live.open([P0])[P0] == 4
    commit(live, make, 4, 6)
    assert values(lake.table()) == [1000, 1001, 1002, 1003, 4, 5]
    assert roll_back(lake) is None
    live.write([make(6)])
    with pytest.raises(StaleBatchError):
        live.commit(Positions.of({P0: 7}))
    assert live.open([P0])[P0] == 3
    commit(live, make, 3, 7)
    assert values(lake.table()) == list(range(7))


def test_a_replay_that_is_promoted_or_dropped_cannot_write_any_more(lake, make, replay):
    replay.write([make(4)])
    assert promote(lake) is None
    with pytest.raises(StopError, match="has no branch replay-r"):
        replay.commit(Positions.of({P0: 5}))
    with pytest.raises(StopError, match="has no branch replay-r"):
        replay.open([P0])
    lake.catalog.drop_table(T)
    with pytest.raises(StopError, match="no table of t with a branch"):
        replay.open([P0])


def test_a_replay_that_lacks_records_of_main_waits(lake, make, live, replay):
    commit(live, make, 3, 6)
    assert promote(lake, holds=True) is Standing.BEHIND
    assert values(lake.table()) == list(range(6))


def test_a_table_made_again_has_nothing_of_the_replay(lake, make, replay):
    lake.catalog.drop_table(T)
    assert promote(lake) is Standing.GONE
    writer = lake.writer()
    writer.open([P0])
    commit(writer, make, 0, 2)
    assert promote(lake) is Standing.GONE
    assert roll_back(lake) is Standing.GONE


def test_a_topic_without_records_learns_of_a_rollback_too(lake, make, live, replay):
    clock, other = ManualClock(), TopicPartition("u", 0)
    writer = lake.writer(clock=clock)
    writer.open([P0, other])
    writer.write([make(0, topic="u")])
    writer.commit(Positions.of({other: 1, P0: 3}))
    assert promote(lake) is None
    writer.write([make(1, topic="u")])
    writer.commit(Positions.of({other: 2, P0: 3}))
    clock.sleep(60)
    writer.write([make(2, topic="u")])
    with pytest.raises(StaleBatchError, match="taken back or replaced"):
        writer.commit(Positions.of({other: 3, P0: 3}))
    stands = writer.open([P0, other])
    assert (stands[P0], stands[other]) == (4, 3)


def test_what_main_was_outlives_expiry_and_sweeps(lake, make, live, replay):
    assert promote(lake) is None
    live.open([P0])
    for offset in range(4, 30):
        commit(live, make, offset, offset + 1)
    delete(lake.table(), look(lake.table(), 0.0))
    assert len(lake.table().metadata.snapshots) == 5 + 1
    assert roll_back(lake) is None
    assert values(lake.table()) == [0, 1, 2]


def test_a_table_that_somebody_else_has_changed_can_be_put_right_and_taken_back(lake, make, live, replay):
    commit(live, make, 3, 4)
    lake.table().delete("_offset >= 3")
    assert values(lake.table()) == [0, 1, 2]
    assert promote(lake, holds=True) is None
    assert lake.switch().lines(T).before.positions[P0] == 4
    live.open([P0])
    for offset in range(4, 12):
        commit(live, make, offset, offset + 1)
    assert roll_back(lake) is None
    assert (values(lake.table()), live.open([P0])[P0]) == ([0, 1, 2], 4)


def test_lines_expire_by_themselves(lake, make, live, replay):
    for offset in range(4, 30):
        commit(replay, make, offset, offset + 1, REPLAYED)
    before = {snapshot.snapshot_id for snapshot in lake.table().metadata.snapshots}
    assert len(before) == 5 + 1, "five of the replay, and live's only one"
    for offset in range(3, 30):
        commit(live, make, offset, offset + 1)
    assert len(lake.table().metadata.snapshots) == 5 + 5


def test_dropping_deletes_the_rows_that_no_line_has(lake, make, live, replay):
    assert promote(lake) is None
    commit_after(lake, make)
    lake.catalog.faults.extend([CONFLICT, LOST_AFTER])
    lake.switch().drop(T)
    table = lake.table()
    assert table.metadata.refs.keys() == {"main"}
    assert values(table) == [1000, 1001, 1002, 1003, 4]
    assert data_files(table) == reachable(table)
    assert roll_back(lake) is Standing.GONE
    lake.switch().drop(T)
    lake.switch().drop(("bronze", "u"))
    assert values(lake.table()) == [1000, 1001, 1002, 1003, 4]


def test_dropping_a_replay_that_was_not_promoted_leaves_main_alone(lake, replay):
    assert len(data_files(lake.table())) == 2
    lake.switch().drop(T)
    table = lake.table()
    assert values(table) == [0, 1, 2]
    assert data_files(table) == reachable(table)


def test_a_drop_that_a_promotion_forestalls_leaves_main_its_rows(lake, replay, monkeypatch):
    """It has looked at what only the replay's line had, and that is main by the time it asks."""
    commit_table, promoted = lake.catalog.commit_table, []

    def promote_first(*given):
        monkeypatch.undo()
        promoted.append(promote(lake))
        return commit_table(*given)

    monkeypatch.setattr(lake.catalog, "commit_table", promote_first)
    lake.switch().drop(T)
    assert promoted == [None]
    assert values(lake.table()) == [1000, 1001, 1002, 1003]


def commit_after(lake, make):
    writer = lake.writer()
    writer.open([P0])
    commit(writer, make, 4, 5)


def data_files(table):
    return {str(path) for path in Path(table.location(), "data").rglob("*.parquet")}


def reachable(table):
    return {
        entry.data_file.file_path
        for manifest in table.current_snapshot().manifests(table.io)
        for entry in manifest.fetch_manifest_entry(table.io)
    }


def test_a_later_promotion_is_rolled_back_first(lake, make, replay):
    assert promote(lake) is None
    later = lake.switch("s")
    assert later.begin(T)
    writer = lake.writer("replay-s")
    writer.open([P0])
    commit(writer, make, 0, 4)
    assert later.change(T, lambda lines: promotion("s", lines, lambda _: True)) is None
    assert roll_back(lake) is Standing.LATER
    assert later.change(T, lambda lines: rolling_back("s", lines)) is None
    assert roll_back(lake) is None
    assert values(lake.table()) == [0, 1, 2]


FAULTS = st.lists(st.sampled_from([GOOD, CONFLICT, LOST_BEFORE, LOST_AFTER]), max_size=12)
WRITES = st.tuples(st.integers(0, 2), st.sampled_from(["open", "write", "commit"]), st.integers(1, 3))
STEPS = st.lists(
    st.one_of(WRITES, st.tuples(st.sampled_from(["promote", "roll back", "sweep"]))), min_size=8, max_size=40
)


class World:
    """Two live writers, of which one must be a zombie, and a replay; each may believe what it likes."""

    def __init__(self, lake, make):
        self.lake, self._make = lake, make
        self.writers = [lake.writer(), lake.writer(), lake.writer("replay-r")]
        self.nexts = [None, None, None]

    def step(self, who, what, many=1):
        writer, more = self.writers[who], REPLAYED if who == 2 else 0
        if what == "open" or self.nexts[who] is None:
            self.nexts[who] = writer.open([P0])[P0]
        elif what == "write":
            span = range(self.nexts[who], self.nexts[who] + many)
            writer.write([self._make(offset, n=offset + more) for offset in span])
            self.nexts[who] += many
        else:
            writer.commit(Positions.of({P0: self.nexts[who]}))

    def check(self, ref):
        """Whatever names a line: it has each record before its positions once, and main is of one line."""
        table = self.lake.table()
        head = table.metadata.snapshot_by_name(ref)
        if head is None:
            return
        stands = head_of(table.metadata, ref).positions.get(P0, 0)
        rows = [
            (row["_offset"], row["n"])
            for manifest in head.manifests(table.io)
            for entry in manifest.fetch_manifest_entry(table.io)
            for row in rows_in(entry.data_file.file_path)
        ]
        assert Counter(offset for offset, _ in rows) == Counter(range(stands)), ref
        replayed = [n == offset + REPLAYED for offset, n in sorted(rows)]
        promoted = "before-r" in table.metadata.refs
        if ref == "main" and promoted:
            assert replayed[0]
        elif ref == "before-r" or (ref == "main" and not promoted):
            assert not any(replayed)


def rows_in(file):
    import pyarrow.parquet as pq

    return pq.ParquetFile(file).read(["_offset", "n"]).to_pylist()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, faults=FAULTS)
def test_any_interleaving_of_writers_and_switches_is_exact(tmp_path_factory, make, steps, faults):
    from tests.unit.services.lake_sink.conftest import Lake

    lake = Lake(tmp_path_factory.mktemp("lake"))
    world = World(lake, make)
    world.step(0, "open")
    world.step(0, "write", 2)
    world.step(0, "commit")
    lake.switch().begin(T)
    lake.catalog.faults.extend(faults)
    for step in [*steps, (0, "open"), (0, "write"), (0, "commit")]:
        try:
            match step:
                case ("promote",):
                    promote(lake, holds=True)
                case ("roll back",):
                    roll_back(lake)
                case ("sweep",):
                    delete(lake.table(), look(lake.table(), 0.0))
                case _:
                    world.step(*step)
        except (RetryableError, StopError):
            if isinstance(step[0], int):
                world.nexts[step[0]] = None
        for ref in ("main", "replay-r", "before-r"):
            world.check(ref)
