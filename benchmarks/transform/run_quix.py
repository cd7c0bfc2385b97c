"""The work in Quix Streams: exactly once, RocksDB state with changelog, a commit every 25 ms."""

import sys
from typing import Any

from quixstreams import Application, State
from quixstreams.models.serializers import Serializer

from benchmarks.transform.work import process


class Second(Serializer):  # type: ignore[misc]  # installed in its own environment only
    """Writes the second of a pair; the first is the key."""

    def __call__(self, value: Any, ctx: Any) -> bytes:
        """Return what is written."""
        del ctx
        return bytes(value[1])


def step(value: bytes, state: State) -> tuple[bytes, bytes]:
    """Process one event; returns key and value of the output."""
    # State is already kept per key of the event.
    after, out_key, out_value = process(value, state.get_bytes("total"))
    state.set_bytes("total", after)
    return out_key, out_value


def main(bootstrap_servers: str, group: str, source: str, target: str, folder: str) -> None:
    """Run until SIGTERM."""
    application = Application(
        bootstrap_servers,
        consumer_group=group,
        auto_offset_reset="earliest",
        commit_interval=0.025,
        processing_guarantee="exactly-once",
        state_dir=folder,
        loglevel="WARNING",
    )
    taken = application.topic(source, value_deserializer="bytes")
    written = application.topic(target, value_serializer=Second())
    frame = application.dataframe(taken).apply(step, stateful=True)
    frame.to_topic(written, key=lambda pair: pair[0])
    application.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
