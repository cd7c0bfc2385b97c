"""A Faust app that counts a topic per key, exactly once by its own word; a process of its own, to be killed.

Usage: python -m tests.faults.controls.faust_app BOOTSTRAP GROUP SOURCE TARGET FOLDER SLOT
"""

import sys
from typing import Any

import faust

PARTITIONS = 4


def made(bootstrap_servers: str, group: str, source: str, target: str, folder: str, slot: str) -> faust.App:
    """The app: a table with a changelog, `value=count` to the target for each record of the source."""
    app = faust.App(
        group,
        broker=f"kafka://{bootstrap_servers}",
        datadir=folder,
        store="memory://",
        processing_guarantee="exactly_once",
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        topic_disable_leader=True,
        web_enabled=False,
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=6.0,
        broker_heartbeat_interval=2.0,
    )
    taken = app.topic(source, key_type=bytes, value_type=bytes)
    written = app.topic(target, key_type=bytes, value_type=bytes)
    counts = app.Table("counts", key_type=bytes, value_type=bytes, partitions=PARTITIONS)

    @app.agent(taken)
    async def count(stream: Any) -> None:
        async for key, value in stream.items():
            so_far = int(counts.get(key) or 0) + 1
            counts[key] = b"%d" % so_far
            await written.send(key=key, value=value + b"=%d" % so_far)

    return app


def main(*arguments: str) -> None:
    """Run until SIGTERM."""
    app = made(*arguments)
    app.finalize()
    worker = faust.Worker(app, loglevel="INFO", redirect_stdouts=False)
    worker.spinner = None  # it would write terminal codes into the log
    worker.execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
