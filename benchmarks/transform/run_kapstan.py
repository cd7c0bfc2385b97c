"""The work in streamkit's Transform loop: exactly once, state with changelog, provenance headers."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.transform.work import process
from streamkit.headers import carried
from streamkit.loop.status import LoopStatus
from streamkit.records import Output, Record
from streamkit.side import SideView
from streamkit.state import PartitionState
from streamkit.testing.settings import TestedSettings
from streamkit.transform import TransformSpec, run_transform


def step(batch: Sequence[Record], side: SideView, state: PartitionState) -> Iterator[Output]:
    """Process each record."""
    del side
    for record in batch:
        key = b"total/" + (record.key or b"")
        after, out_key, out_value = process(record.value or b"", state.get(key))
        state.put(key, after)
        yield Output("out", out_key, out_value, record.timestamp_ms, carried(record))


def main(bootstrap_servers: str, group: str, source: str, target: str, folder: str) -> None:
    """Run until SIGTERM."""
    status = LoopStatus()
    status.stop_on_signals()
    settings = TestedSettings(Path(folder), bootstrap_servers=bootstrap_servers, max_batch=5_000)
    spec = TransformSpec(group, (source,), {"out": target}, step, lambda _letter: b"")
    run_transform(spec, settings, status=status)


if __name__ == "__main__":
    main(*sys.argv[1:])
