import pytest

from services.lake_sink.errors import LakeAwayError, NoTableError
from streamkit.errors import StopError
from streamkit.headers import HEARTBEAT, ORIGIN, ORIGIN_HISTORY
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from tests.support.lake import read

P0 = TopicPartition("t", 0)


def reached(offset, topic="t"):
    return Positions.of({(topic, 0): offset})


def put(lake, *records):
    writer = lake.writer()
    start = writer.open([P0])[P0]
    writer.write(list(records))
    writer.commit(reached(start + len(records)))
    return {row["_offset"]: row for row in read(lake.table())}


def test_only_the_writer_of_partition_0_makes_the_table(lake):
    second, first = lake.writer(), lake.writer()
    p1 = TopicPartition("t", 1)
    with pytest.raises(NoTableError):
        second.open([p1])
    assert first.open([P0])[P0] == 0
    assert second.open([p1])[p1] == 0


def test_a_row_says_where_it_comes_from(lake, make):
    headers = (("kapstan-tenant", b"a"), (ORIGIN, ORIGIN_HISTORY), ("kapstan-tenant", b"b"))
    row = put(lake, make(0, headers=headers))[0]
    assert (row["_topic"], row["_topic_id"], row["_partition"], row["_offset"]) == ("t", "id-t", 0, 0)
    assert row["_ingest_time"].timestamp() == 1_700_000_000
    assert (row["_key"], row["_schema_id"], row["_origin"]) == (b"k", 1, "history")
    assert row["_headers"] == [
        ("kapstan-tenant", b"a"),
        ("kapstan-origin", b"history"),
        ("kapstan-tenant", b"b"),
    ]
    assert (row["_error"], row["_raw"], row["n"]) == (None, None, 0)


def test_heartbeats_are_kept_and_marked(lake, make):
    rows = put(lake, make(0), make(1, headers=((HEARTBEAT, b"1"),)))
    assert [rows[0]["_heartbeat"], rows[1]["_heartbeat"]] == [False, True]


def test_a_tombstone_is_a_row_without_an_error(lake, make):
    tombstone = make(1)
    tombstone.value = None
    row = put(lake, make(0), tombstone)[1]
    assert (row["n"], row["_schema_id"], row["_error"], row["_raw"]) == (None, None, None, None)


@pytest.mark.parametrize(
    ("value", "schema_id", "says"),
    [
        (b"", None, "no_magic"),
        (b"{}", None, "no_magic"),
        (b"\x00\x00\x00\x00\x63\x02", 99, "unknown_schema"),
        (b"\x00\xff\xff\xff\xff\x02", None, "unknown_schema"),
        (b"\x00\x00\x00\x00\x01", 1, "undecodable"),
        (b"\x00\x00\x00\x00\x01\x02\x02", 1, "undecodable"),
        (b"\x00\x00\x00\x00\x03\x02a", 3, "column_conflict"),
        (b"\x00\x00\x00\x00\x04\x02", 4, "foreign_schema: the schema with id 4 belongs to other-value"),
    ],
)
def test_what_cannot_be_decoded_is_kept_with_its_bytes_in_the_same_commit(lake, make, value, schema_id, says):
    rows = put(lake, make(0), make(1, value=value), make(2))
    assert [rows[n]["n"] for n in range(3)] == [0, None, 2]
    assert rows[1]["_error"].startswith(says)
    assert (rows[1]["_raw"], rows[1]["_schema_id"]) == (value, schema_id)
    assert len(lake.table().metadata.snapshots) == 1
    assert "alien" not in rows[1]


def test_a_table_can_begin_with_a_record_that_nobody_can_read(lake, make):
    assert put(lake, make(0, value=b"?"))[0]["_raw"] == b"?"
    assert put(lake, make(1))[1]["n"] == 1


def test_a_new_field_becomes_a_column_while_the_sink_runs(lake, make):
    writer = lake.writer()
    writer.open([P0])
    writer.write([make(0)])
    writer.commit(reached(1))
    writer.write([make(1), make(2, schema_id=2, more="x"), make(3)])
    writer.commit(reached(4))
    rows = {row["_offset"]: row.get("more") for row in read(lake.table())}
    assert rows == {0: None, 1: None, 2: "x", 3: None}


def test_another_writer_learns_of_a_new_column_by_itself(lake, make):
    first, second = lake.writer(), lake.writer()
    first.open([P0])
    first.write([make(0)])
    first.commit(reached(1))
    p1 = TopicPartition("t", 1)
    second.open([p1])
    first.write([make(1, schema_id=2, more="x")])
    first.commit(reached(2))
    second.write([make(0, partition=1, schema_id=2, more="y")])
    second.commit(Positions.of({p1: 1}))
    assert sorted(str(row.get("more")) for row in read(lake.table())) == ["None", "x", "y"]


def test_rows_of_two_days_are_in_two_files(lake, make):
    late = make(1)
    late.timestamp_ms += 86_400_000
    unknown = make(2)
    unknown.timestamp_ms = -1
    put(lake, make(0), late, unknown)
    (manifest,) = lake.table().current_snapshot().manifests(lake.table().io)
    files = manifest.fetch_manifest_entry(lake.table().io)
    assert [file.data_file.partition[0] for file in files] == [19675, 19676, None]
    assert [file.data_file.record_count for file in files] == [1, 1, 1]


def test_positions_without_a_row_make_no_commit(lake):
    writer = lake.writer()
    writer.open([P0])
    writer.commit(reached(7))
    assert lake.writer().open([P0])[P0] == 0


def test_each_topic_has_its_own_table_and_positions(lake, make):
    writer = lake.writer()
    other = TopicPartition("u", 0)
    writer.open([P0, other])
    writer.write([make(0), make(0, topic="u"), make(1)])
    writer.commit(Positions.of({P0: 2, other: 1}))
    assert len(read(lake.table("t"))) == 2
    assert len(read(lake.table("u"))) == 1
    stands = lake.writer().open([P0, other])
    assert (stands[P0], stands[other]) == (2, 1)


def test_what_was_not_committed_is_forgotten_on_opening(lake, make):
    writer = lake.writer()
    writer.open([P0])
    writer.write([make(0)])
    writer.open([P0])
    writer.write([make(0)])
    writer.commit(reached(1))
    assert [row["_offset"] for row in read(lake.table())] == [0]


def test_a_topic_made_again_under_its_name_is_refused(lake, make):
    put(lake, make(0))
    lake.topic_ids["t"] = "another"
    writer = lake.writer()
    stands = writer.open([P0])
    assert stands.topic_ids == {"t": "id-t"}
    writer.write([make(0)])
    with pytest.raises(StopError, match="deleted and created again"):
        writer.commit(reached(1))


def test_a_table_without_positions_is_refused(lake, make):
    put(lake, make(0))
    table = lake.table()
    for snapshot in table.metadata.snapshots:
        snapshot.summary.additional_properties.pop("kapstan.positions")
    with pytest.raises(StopError, match="none carries"):
        lake.writer().open([P0])


def test_one_tables_failure_does_not_undo_the_others(lake, make):
    writer = lake.writer()
    other = TopicPartition("u", 0)
    writer.open([P0, other])
    writer.write([make(0), make(0, topic="u")])
    lake.catalog.refused.add(("bronze", "u"))
    with pytest.raises(LakeAwayError):
        writer.commit(Positions.of({P0: 1, other: 1}))
    lake.catalog.refused.clear()
    stands = writer.open([P0, other])
    assert (stands[P0], stands[other]) == (1, 0)


def test_an_error_that_needs_a_person_comes_before_one_that_passes(lake, make):
    put(lake, make(0))
    lake.topic_ids["t"] = "another"
    writer = lake.writer()
    writer.open([P0, TopicPartition("u", 0)])
    writer.write([make(1), make(0, topic="u")])
    lake.catalog.refused.add(("bronze", "u"))
    with pytest.raises(StopError):
        writer.commit(Positions.of({P0: 2, TopicPartition("u", 0): 1}))
