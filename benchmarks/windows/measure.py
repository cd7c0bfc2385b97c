"""One window in Flink over all that its topic holds, and the same log counted in plain Python."""

import json
import os
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from typing import Final

import psutil

from flink_jobs.windows.bind import BoundWindow
from local.places import repository
from local.probe import http_call
from local.rpc import Supervisor
from local.stack import Stack
from local.windows import python, settings
from streamkit.codecs import Codecs
from streamkit.errors import RetryableError
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.bounds import present_ends
from streamkit.positions import Positions

CLUSTER: Final = ("flink", "flink_taskmanager")
_AT_ONCE: Final = 10_000
_PATIENCE_S: Final = 600.0
MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock and of CPU time."""

    seconds: float
    cpu_s: float


def in_flink(stack: Stack, window: str, namespace: str) -> Cost:
    """Run the window's job from the topic's beginning to its end, into tables of `namespace`; blocks.

    Its time is the job's own, planning left out; its CPU time that of JobManager and TaskManager together.

    Raises:
        RuntimeError: the job failed.
    """
    environ = {**os.environ, **settings(stack, namespace), "PYTHONPATH": str(repository())}
    before = _cluster_cpu_s(stack)
    done = subprocess.run(
        [*python(), "replay", window], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        # A Java stack trace names its reason last, before many lines of places.
        causes = [line for line in done.stderr.splitlines() if line.startswith("Caused by: ")]
        raise RuntimeError(f"the job of {window} failed: {(causes or done.stderr.splitlines())[-1]}")
    job_id = json.loads(done.stdout.splitlines()[-1])[window]
    cpu_s = _cluster_cpu_s(stack) - before
    _, answer = http_call("GET", stack.port("flink.rest"), f"/jobs/{job_id}")
    return Cost(json.loads(answer)["duration"] / 1000, cpu_s)


def in_python(broker: KafkaBroker, codecs: Codecs, window: BoundWindow) -> Cost:
    """Read the topic to its end, decode each record and count per key and minute; blocks.

    A floor, not a peer: no lateness, no late rows, no state that outlives it, nothing written.
    """
    declared = window.declaration
    decode = codecs.decoder(declared.topic).decode
    ends = present_ends(broker, (declared.topic,))
    counts: Counter[tuple[object, ...]] = Counter()
    consumer = broker.consumer()
    start, cpu = time.monotonic(), time.process_time()
    try:
        consumer.assign(dict.fromkeys(ends, 0))
        reached = Positions()
        while not reached.covers(ends):
            polled = consumer.consume(_AT_ONCE, 0.1)
            for record in polled.records:
                value = decode(record.value or b"")
                minute = value[window.event_time] // MINUTE_MS
                counts[(*[value[key] for key in declared.keys], minute)] += 1
            reached = reached.merge(Positions(polled.ends))
            if time.monotonic() - start > _PATIENCE_S:
                raise RetryableError(f"{declared.topic} was not read to its end in time")
    finally:
        consumer.close()
    return Cost(time.monotonic() - start, time.process_time() - cpu)


def _cluster_cpu_s(stack: Stack) -> float:
    processes = Supervisor(stack.socket).processes()
    times = [psutil.Process(processes[name].pid).cpu_times() for name in CLUSTER]
    return sum(each.user + each.system for each in times)
