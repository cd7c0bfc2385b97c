from streamkit.loop.put_aside import PutAside
from streamkit.records import Record, Rejected


def rejected(offset, size=100):
    record = Record("rows", 0, offset, 5, None, b"x" * size, (("h", b"y"),))
    return Rejected(record, "undecodable", "It is junk.", "/a", 4)


def test_all_are_kept_and_of_too_many_the_oldest_without_their_bytes():
    kept = PutAside(most_bytes=350)
    for offset in range(2_000):
        kept.add(rejected(offset))
    assert [one.record.offset for one in kept.records] == list(range(2_000))
    assert list(kept.records[-3:]) == [rejected(offset) for offset in (1_997, 1_998, 1_999)]
    old = kept.records[1_996]
    assert old.record == Record("rows", 0, 1_996, 5, None, None)
    assert (old.reason, old.field_path, old.schema_id) == ("undecodable", "/a", 4)
    assert old.detail.startswith("It is junk. Its bytes are not kept here")


def test_one_that_is_larger_than_all_that_is_kept_loses_its_bytes_itself():
    kept = PutAside(most_bytes=350)
    for each in (rejected(0), rejected(1, 351), rejected(2)):
        kept.add(each)
    assert [one.record.value for one in kept.records] == [None, None, b"x" * 100]
