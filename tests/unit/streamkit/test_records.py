from streamkit.records import Output, Record, TopicPartition


def test_records_are_values():
    one = Record("t", 1, 2, 3, b"k", b"v")
    assert one == Record("t", 1, 2, 3, b"k", b"v", ())
    assert len({one, Record("t", 1, 2, 3, b"k", b"v")}) == 1
    assert one.tp == TopicPartition("t", 1) == ("t", 1)


def test_an_outputs_key_decides_its_partition_unless_told():
    assert Output("o", b"k", b"v", 1).partition is None
