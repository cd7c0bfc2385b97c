"""One step over a list of records, with its state on disk as in the loop, but without Kafka."""

import gc
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from streamkit.loop.batches import prepared
from streamkit.loop.store import PartitionStore, Place, SharedMemory
from streamkit.records import Output, Record, Rejected
from streamkit.serde import AvroDecoder, AvroEncoder
from streamkit.side import SideView
from streamkit.state import PartitionState
from streamkit.transform import Step

Codec = tuple[AvroDecoder, AvroEncoder]
_PLACE: Final = Place("", "bench", "bench", "bench")


@dataclass(frozen=True, slots=True)
class Ran:
    """The CPU time that the records took, and what came out."""

    cpu_s: float
    outputs: list[Output]


def run(step: Step, side: SideView, records: Sequence[Record], batch: int, folder: Path) -> Ran:
    """Process the records in batches, each one's state being written as after a commit; blocks.

    Raises:
        RuntimeError: a record was refused: what is measured would not be the work.
    """
    store = PartitionStore(folder, SharedMemory())
    state = PartitionState(store)
    found: list[Output | Rejected] = []
    gc.collect()
    gc.freeze()
    start = time.process_time()
    for each in _batches(records, batch):
        found += step(prepared(each, "bench@bench/0/"), side, state)
        store.write(state.changes.items(), _PLACE)
        state.clear()
    cpu_s = time.process_time() - start
    store.close()
    outputs = [one for one in found if isinstance(one, Output)]
    if len(outputs) != len(found):
        refused = next(one for one in found if isinstance(one, Rejected))
        raise RuntimeError(f"a record was refused: {refused.detail}")
    return Ran(cpu_s, outputs)


def codec_s(decoder: AvroDecoder, records: Sequence[Record], written: Sequence[tuple[Codec, bytes]]) -> float:
    """Return the CPU time of reading the records and writing the outputs: the part no step can do without."""
    data = [(encoder.encode, decode.decode(value)) for (decode, encoder), value in written]
    start = time.process_time()
    for record in records:
        decoder.decode(record.value or b"")
    for encode, datum in data:
        encode(datum)
    return time.process_time() - start


def as_records(topic: str, outputs: Sequence[Output]) -> list[Record]:
    """Return outputs as the records of one partition that the next hop reads."""
    return [
        Record(topic, 0, offset, o.timestamp_ms, o.key, o.value, o.headers)
        for offset, o in enumerate(outputs)
    ]


def _batches(records: Sequence[Record], size: int) -> Iterator[list[Record]]:
    each = iter(records)
    while batch := list(islice(each, size)):
        yield batch
