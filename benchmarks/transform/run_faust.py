"""The work in Faust: at least once, a table in memory with changelog (its fastest setting)."""

import sys
from typing import Any

import faust

from benchmarks.transform.work import process


def main(bootstrap_servers: str, group: str, source: str, target: str, folder: str) -> None:
    """Run until SIGTERM."""
    app = faust.App(
        group,
        broker=f"kafka://{bootstrap_servers}",
        datadir=folder,
        store="memory://",
        topic_partitions=4,
        topic_replication_factor=1,
        topic_allow_declare=True,
        topic_disable_leader=True,
        web_enabled=False,
        value_serializer="raw",
        key_serializer="raw",
        consumer_auto_offset_reset="earliest",
    )
    taken = app.topic(source, value_type=bytes, key_type=bytes)
    written = app.topic(target, value_type=bytes, key_type=bytes)
    totals = app.Table("totals", key_type=bytes, value_type=bytes, partitions=4)

    @app.agent(taken)
    async def step(stream: Any) -> None:
        async for key, value in stream.items():
            after, out_key, out_value = process(value, totals.get(key))
            totals[key] = after
            await written.send(key=out_key, value=out_value)

    app.finalize()
    worker = faust.Worker(app, loglevel="WARNING")
    worker.execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
