"""Runs the service or the window job of a replay as a process of its own and watches how far it comes."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.errors import RuntimeProblem
from local.watched import run_watched

_POLL_S = 0.25
TEMPFAIL = 75
"""Of sysexits.h: what the process needs is away for now."""

_ATTEMPTS = 5

Watch = Callable[[], None]


def run(command: Sequence[str], environ: Mapping[str, str], log: Path, watch: Watch, resume: str) -> None:
    """Run a command until it ends; one that asks to be started again is, four times at most. Blocks.

    Args:
        command: the program and its arguments.
        environ: variables beside this process's own.
        log: file that its output is added to.
        watch: called every quarter of a second.
        resume: how to go on after an interruption, for the message.

    Raises:
        RuntimeProblem: it failed; names the log.
        KeyboardInterrupt: the process was ended with it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, _ATTEMPTS + 1):
        code = run_watched(command, environ, log, watch, _POLL_S)
        if code == 0:
            return
        if code != TEMPFAIL or attempt == _ATTEMPTS:
            raise RuntimeProblem(
                "replay", reason(log, code), log=log, remedy=f"when that is mended: {resume}"
            )


def reason(log: Path, code: int) -> str:
    """Return why a process ended, from the last line of its log that says so."""
    import json

    for line in reversed(log.read_text(encoding="utf-8", errors="replace").splitlines()[-50:]):
        try:
            entry = json.loads(line)
        except ValueError:
            if line.startswith("kapstan "):
                return line.partition(": ")[2]
            continue
        if isinstance(entry, dict) and entry.get("level") == "CRITICAL":
            return str(entry.get("message"))
    return f"the process ended with exit status {code}"
