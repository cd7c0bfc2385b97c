import pytest

from streamkit.errors import DeadLetterError
from streamkit.records import Record
from streamkit.replay.shared import shared
from streamkit.side import SideInput


def record(offset, partition=0, value=b"v"):
    return Record("t", partition, offset, 0, b"k", value)


class Decode:
    """Counts; a record without a value is no row, one that says so is broken."""

    def __init__(self):
        self.times = 0

    def __call__(self, record):
        self.times += 1
        if record.value == b"broken":
            raise DeadLetterError("broken", reason="r")
        return None if record.value is None else (f"{record.partition}/{record.offset}", object())


@pytest.mark.parametrize("views", [1, 2, 3])
def test_a_record_is_decoded_once_for_all_views(views):
    decode = Decode()
    (side,) = shared([SideInput("n", "t", decode)], views)
    records = [record(0), record(1), record(0, partition=1), record(2, value=None)]
    rows = [[side.decode(each) for each in records] for _ in range(views)]
    assert decode.times == len(records)
    assert all(each == rows[0] for each in rows)
    assert [row and row[0] for row in rows[0]] == ["0/0", "0/1", "1/0", None]
    assert side.decode._made == {}, "nothing is held that every view has had"


def test_one_that_begins_anew_has_the_same_rows():
    decode = Decode()
    (side,) = shared([SideInput("n", "t", decode)], 2)
    first, again, other = (side.decode(record(0))[0] for _ in range(3))
    assert first == again == other


def test_what_is_broken_is_so_for_each_view():
    (side,) = shared([SideInput("n", "t", Decode())], 2)
    for _ in range(2):
        with pytest.raises(DeadLetterError):
            side.decode(record(0, value=b"broken"))
