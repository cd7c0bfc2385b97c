"""One measured run: start an engine on a backlog, time its outputs, take its CPU time."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks.transform.engines import Engine
from streamkit.broker import Admin
from streamkit.records import TopicPartition

PARTITIONS: Final = 4
ROOT: Final = Path(__file__).parents[2]
# Between these parts of its events an engine's rate is taken: without its start, without its last batch.
FROM: Final = 0.2
TO: Final = 0.95
TIMEOUT_S: Final = 240.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Events per second of wall-clock time and per second of the engine's own CPU time."""

    per_second: float
    per_cpu_second: float


def measure(
    engine: Engine, servers: str, admin: Admin, source: str, run: str, total: int, folder: Path
) -> Rate:
    """Run the engine, held to one core, on its part of `total` events; blocks until that is done.

    Raises RuntimeError, with the end of its log, when it ends or does not get there in four minutes.
    """
    target = f"{run}-out"
    admin.create_topic(target, PARTITIONS, {"retention.ms": "-1"})
    state, log = folder / run, folder / f"{run}.log"
    state.mkdir()
    command = [str(engine.python()), "-m", engine.module, servers, run, source, target, str(state)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}, stdout=out, stderr=out
        )
    try:
        _hold_to_one_core(process.pid)
        wanted = total * engine.part
        start, start_cpu = _reach(process, admin, target, wanted * FROM, log)
        end, end_cpu = _reach(process, admin, target, wanted * TO, log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
    done = wanted * (TO - FROM)
    return Rate(done / (end - start), done / (end_cpu - start_cpu))


def _hold_to_one_core(pid: int) -> None:
    process = psutil.Process(pid)
    if hasattr(process, "cpu_affinity"):  # macOS cannot
        process.cpu_affinity([process.cpu_affinity()[-1]])


def _reach(
    process: "subprocess.Popen[bytes]", admin: Admin, topic: str, outputs: float, log: Path
) -> tuple[float, float]:
    """Wait for so many outputs; returns the time and the process's CPU time then."""
    partitions = [TopicPartition(topic, p) for p in range(PARTITIONS)]
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        ends = admin.end_offsets(partitions, committed_only=True)
        if sum(ends.values()) >= outputs:
            used = psutil.Process(process.pid).cpu_times()
            return time.monotonic(), used.user + used.system
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(
                f"{topic} got {sum(ends.values())} of {outputs:.0f} outputs; the log ends:\n{tail}"
            )
        time.sleep(0.05)
