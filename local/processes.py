"""The processes of a stack, found by a mark in their environment, however they were started or orphaned."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

from local.supervisord import MARK


def members(home: Path) -> list[psutil.Process]:
    """Every live process of the stack in `home`, but not this one and those that started it."""
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid not in mine and process.environ().get(MARK) == str(home):
                found.append(process)
    return found


def reap(home: Path, patience: float = 5.0) -> list[str]:
    """End every process of the stack: TERM, and KILL after `patience` seconds; the names of those found."""
    found = members(home)
    names = []
    for process in found:
        with contextlib.suppress(psutil.Error):
            names.append(process.name())
            process.terminate()
    _, alive = psutil.wait_procs(found, timeout=patience)
    # A process may have had children meanwhile: look again rather than trust the first list.
    for process in {*alive, *members(home)}:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=patience)
    return names


def resident_mb(pid: int) -> float:
    """Resident memory of `pid` and its descendants in MiB; 0 when it is gone. Shared pages count for each."""
    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
    return total / (1 << 20)
