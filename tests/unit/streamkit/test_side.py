import pytest

from streamkit.errors import DeadLetterError, RetryableError
from streamkit.positions import Positions
from streamkit.records import Record
from streamkit.side import Cached, SideInput, SideView


def record(offset, key, value, topic="rows", partition=0):
    return Record(topic, partition, offset, offset * 10, key.encode(), value)


def decode(one):
    if one.value == b"broken":
        raise DeadLetterError("no", reason="undecodable")
    if one.value == b"ignore":
        return None
    return one.key.decode(), one.value.decode() if one.value is not None else None


def view(**changes):
    return SideView([SideInput("rows", "rows", decode, **changes)])


def test_rows_are_set_replaced_and_deleted():
    side = view()
    for offset, (key, value) in enumerate(
        [("a", b"1"), ("b", b"2"), ("a", b"3"), ("b", None), ("c", b"ignore")]
    ):
        side.apply(record(offset, key, value))
    rows = side.table("rows")
    assert rows.get("a") == ("3", 2, 20)
    assert rows.get("b") is rows.get("c") is None
    assert [row.value for row in rows.values()] == ["3"]
    assert len(rows) == 1
    assert side.positions == Positions.of({("rows", 0): 5})
    assert side.vector == {"rows-0": 5}


def test_a_reducer_accumulates():
    side = view(reduce=lambda before, new: (*(before or ()), new))
    for offset, value in enumerate([b"1", b"2"]):
        side.apply(record(offset, "a", value))
    assert side.table("rows").get("a") == (("1", "2"), 1, 10)


def test_a_broken_record_moves_the_position_all_the_same():
    side = view()
    with pytest.raises(DeadLetterError):
        side.apply(record(4, "a", b"broken"))
    assert side.vector == {"rows-0": 5}


def test_a_record_that_cannot_be_decoded_for_now_changes_nothing_and_may_come_again():
    away = [True]

    def decode_later(one):
        if away[0]:
            raise RetryableError("the registry is away")
        return decode(one)

    counting = {"reduce": lambda before, new: (*(before or ()), new)}
    side = SideView([SideInput("one", "rows", decode, **counting), SideInput("two", "rows", decode_later)])
    with pytest.raises(RetryableError):
        side.apply(record(4, "a", b"1"))
    assert side.vector == {}
    away[0] = False
    side.apply(record(4, "a", b"1"))
    assert side.table("one").get("a").value == ("1",), "it counts once"
    assert side.vector == {"rows-0": 5}


def test_two_tables_may_come_from_one_topic():
    side = SideView([SideInput("one", "rows", decode), SideInput("two", "rows", decode)])
    side.apply(record(0, "a", b"1"))
    assert side.table("one").get("a") == side.table("two").get("a")
    assert list(side.topics) == ["rows"]


def test_cached_is_made_again_only_when_the_view_moves():
    side, made = view(), []
    cached = Cached(lambda view: made.append(len(view.table("rows"))) or len(made))
    assert [cached(side), cached(side)] == [1, 1]
    side.apply(record(0, "a", b"1"))
    assert [cached(side), cached(side)] == [2, 2]
    assert made == [0, 1]
