"""Interleave: what steps made of whole runs, put back into the order in which their records were merged.

A step is called with a few records at most when each change of partition ends a run: 1.3 of them with four
partitions. State belongs to one partition and the side view stands still within a batch, so a step may take
all of a batch's records of a partition at once; only what is written has to be in the merged order.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter

from streamkit.headers import SOURCE, find
from streamkit.records import Output, Record, Rejected

_place_of = itemgetter(0)


class Interleaved:
    """Gathers the outputs of one batch's runs; `in_order` gives them in the order of `batch`.

    An output belongs to the record of its run whose SOURCE header it carries. One that carries no such
    header follows what its step yielded before it, or its run's first record.
    """

    def __init__(self, batch: Iterable[Record]) -> None:
        self._places = {(r.topic, r.partition, r.offset): place for place, r in enumerate(batch)}
        self._found: list[tuple[int, Output | Rejected]] = []

    def add(self, run: Sequence[Record], produced: Iterable[Output | Rejected]) -> None:
        """Take what a step makes of `run`: records of one partition of the batch, with SOURCE headers."""
        places = self._places
        by_source = {find(r.headers, SOURCE): places[r.topic, r.partition, r.offset] for r in run}
        place = places[run[0].topic, run[0].partition, run[0].offset]
        append = self._found.append
        for one in produced:
            if isinstance(one, Rejected):
                record = one.record
                place = places[record.topic, record.partition, record.offset]
            else:
                place = by_source.get(find(one.headers, SOURCE), place)
            append((place, one))

    def in_order(self) -> list[Output | Rejected]:
        """Return all of it; what belongs to one record stays as its step yielded it."""
        self._found.sort(key=_place_of)
        return [one for _, one in self._found]
