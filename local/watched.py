"""A process that runs to its end beside the supervised ones, while somebody watches how far it comes."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ENDS_WITHIN_S = 30.0


def run_watched(
    command: Sequence[str],
    environ: Mapping[str, str],
    log: Path,
    watch: Callable[[], bool | None],
    every_s: float,
) -> int:
    """Run a command until it ends and return its exit status; blocks. An interruption ends the process.

    Args:
        command: the program and its arguments.
        environ: variables beside this process's own.
        log: file that its output is added to.
        watch: called every `every_s` seconds; the process is ended once it returns True.
        every_s: see `watch`.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            while process.poll() is None:
                time.sleep(every_s)
                if watch():
                    break
        finally:
            end(process)
    return process.returncode


def end(process: subprocess.Popen[Any], within_s: float = ENDS_WITHIN_S) -> None:
    """Ask a process to end, kill it after `within_s` seconds, and collect it; at once when it has ended."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
