"""Commands side by side, whose output must not mix."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

# After Ctrl-C, which reaches the commands too: a test run then stops the parts that it has started.
_ENDS_WITHIN_S = 60.0


def side_by_side(commands: Sequence[Sequence[str]], *, cwd: Path, env: Mapping[str, str]) -> list[int]:
    """Run the commands at once and return their exit codes in order; blocks until all have ended.

    The first writes to the terminal as it runs; what the others wrote follows when all have ended. An
    interruption is waited out for a minute; then what still runs is killed.
    """
    with ExitStack() as opened:
        logs = [opened.enter_context(tempfile.TemporaryFile()) for _ in commands[1:]]
        running: list[subprocess.Popen[bytes]] = []
        try:
            for command, log in zip(commands, [None, *logs], strict=True):
                output = None if log is None else log.fileno()
                running.append(subprocess.Popen(command, cwd=cwd, env=env, stdout=output, stderr=output))
            codes = [process.wait() for process in running]
        finally:
            for process in running:
                _end(process)
            for log in logs:
                log.seek(0)
                sys.stdout.write(log.read().decode(errors="replace"))
            sys.stdout.flush()
    return codes


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Collect a process; one that does not end by itself is killed."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(_ENDS_WITHIN_S)
    if process.poll() is None:
        process.kill()
        process.wait()
