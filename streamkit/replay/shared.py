"""Side inputs whose records are decoded once, however many views read them, each at its own pace."""

from collections.abc import Iterable
from dataclasses import replace

from streamkit.records import Record
from streamkit.side import Decode, SideInput

_Row = tuple[str, object | None] | None


def shared(inputs: Iterable[SideInput], views: int) -> tuple[SideInput, ...]:
    """Return side inputs for so many views: a row is made for the first of them, and kept for the last.

    A replay has a view for each input partition, and to decode is most of what reading costs. Rows are held
    by each view anyway; a view that begins anew may leave some held until the end.
    """
    return tuple(replace(one, decode=_Once(one.decode, views)) for one in inputs)


class _Once:
    """A decode (see SideInput) that keeps what it made; what it raised is raised for each view."""

    def __init__(self, decode: Decode, views: int) -> None:
        self._decode = decode
        self._views = views
        self._made: dict[tuple[int, int], tuple[_Row, int]] = {}

    def __call__(self, record: Record) -> _Row:
        place = record.partition, record.offset
        made = self._made.pop(place, None)
        row, left = (self._decode(record), self._views) if made is None else made
        if left > 1:
            self._made[place] = row, left - 1
        return row
