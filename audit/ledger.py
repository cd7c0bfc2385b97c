"""Pure: the ledger of acknowledged events, one JSON line each, as offsets by partition."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import IO

import numpy as np
import orjson

from audit.stores import Holding, Holdings, Place

_AT_ONCE = 1 << 20


def read_ledger(lines: Iterable[bytes], topic_ids: Mapping[str, str]) -> Holdings:
    """Return what the gateway acknowledged, of the topics named in `topic_ids`.

    The last line may be cut off: its writer was killed, and what it says was not noted whole.

    Args:
        lines: `{"topic", "partition", "offset", ...}` each.
        topic_ids: present ids of the topics; a ledger does not know them.

    Raises:
        ValueError: another line than the last is not one.
    """
    found: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    sets: dict[Place, Holding] = {}
    bad: int | None = None
    for number, line in enumerate(lines, 1):
        if bad is not None:
            raise ValueError(f"line {bad} of the ledger cannot be read")
        try:
            entry = orjson.loads(line)
            if entry["topic"] in topic_ids:
                found[entry["topic"], entry["partition"]].append(entry["offset"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            bad = number
        if number % _AT_ONCE == 0:
            _fold(found, sets, topic_ids)
    _fold(found, sets, topic_ids)
    return sets


def whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines from where a file stands on; one that is not whole yet is left for the next call."""
    while True:
        at = file.tell()
        line = file.readline()
        if not line.endswith(b"\n"):
            file.seek(at)
            return
        yield line


def _fold(
    found: defaultdict[tuple[str, int], list[int]], sets: dict[Place, Holding], topic_ids: Mapping[str, str]
) -> None:
    """Move offsets into ranges, which take less room."""
    for (topic, partition), offsets in found.items():
        place = Place(topic, topic_ids[topic], partition)
        more = Holding.of(np.array(offsets, np.int64))
        before = sets.get(place, Holding())
        twice = before.twice | more.twice | (before.offsets & more.offsets)
        sets[place] = Holding(before.offsets | more.offsets, twice)
    found.clear()
