"""Python environments, one per requirements file, made once and kept in the cache while they are used.

The launcher runs this before any environment exists: `python -m local.environment GROUP` prints the folder of
the group's environment, and makes it first if it must. So it needs nothing but Python itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from local.places import cache_dir, repository

DONE = ".complete"  # written last: an environment without it was never finished. Its time is the last use
UNUSED_S = 30 * 24 * 3600
"""An environment that nobody asked for in so long is deleted when another of its group is made."""

Say = Callable[[str], None]


def ensure(group: str, say: Say | None = None) -> Path:
    """The folder of the environment for requirements/<group>.txt; blocks while it is made, if it must be.

    Two callers at once make it once. `say` gets a line of progress now and then; by default stderr shows it.
    Raises SystemExit with a message for people when it cannot be made.
    """
    requirements = repository() / "requirements" / f"{group}.txt"
    folder = cache_dir() / "envs" / f"{group}-{fingerprint(requirements)}"
    if _used(folder):
        return folder
    with _lock(folder) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / DONE).exists():
            _make(folder, group, requirements, say or _on_stderr)
            _delete_unused(group)
    return folder


def _used(folder: Path) -> bool:
    """Whether the environment is there; then it is used from now, as far as the cache can be written to."""
    with contextlib.suppress(OSError):
        os.utime(folder / DONE)
    return (folder / DONE).exists()


def _delete_unused(group: str) -> None:
    """Delete the group's environments of locks that no checkout has any more, to judge by their last use."""
    for done in (cache_dir() / "envs").glob(f"{group}-*/{DONE}"):
        folder = done.parent
        if not re.fullmatch("-[0-9a-f]{12}", folder.name.removeprefix(group)):
            continue  # of a group with a longer name
        with _lock(folder) as lock, contextlib.suppress(OSError):  # somebody has the lock, or it is gone
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - done.stat().st_mtime > UNUSED_S and not _runs(folder):
                done.unlink()  # first: what is deleted in part must not look finished
                shutil.rmtree(folder)


def _runs(folder: Path) -> bool:
    """Whether a program runs in the environment; a stack may have been up for long. Known on Linux only."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            if os.fsencode(folder) in command.read_bytes():
                return True
    return False


def _lock(folder: Path) -> TextIO:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return folder.with_suffix(".lock").open("w")
    except OSError as error:
        raise SystemExit(
            f"kapstan: the cache {cache_dir()} cannot be written to: {error.filename}: {error.strerror}\n"
            "  remedy: name a folder that you may write to in KAPSTAN_CACHE"
        ) from error


def fingerprint(requirements: Path) -> str:
    """What an environment depends on: the locked packages, and the Python that it is made from."""
    python = f"{sys.version}{platform.machine()}{Path(sys.base_prefix).resolve()}"
    return hashlib.sha256(requirements.read_bytes() + python.encode()).hexdigest()[:12]


def packages(requirements: str) -> int:
    """How many packages a requirements file names."""
    return len(re.findall(r"^[A-Za-z0-9]", requirements, re.MULTILINE))


def _make(folder: Path, group: str, requirements: Path, say: Say) -> None:
    import venv

    if folder.exists():
        shutil.rmtree(folder)
    total = packages(requirements.read_text(encoding="utf-8"))
    say(f"making the Python environment `{group}` ({total} packages), once")
    try:
        venv.create(folder, with_pip=True, symlinks=True)
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SystemExit(
            f"kapstan: this Python cannot make an environment ({error})\n"
            f"  remedy: install its venv module (on Debian and Ubuntu: apt install python{version}-venv)"
        ) from error
    # Every package is locked by hash, so there is nothing to resolve.
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--require-hashes", "--no-deps"]
    command += [
        "--no-input",
        "--no-compile",
        "--disable-pip-version-check",
        "--progress-bar=off",
        "-r",
        str(requirements),
    ]
    lines = _run(command, total, say)
    if lines is not None:
        shutil.rmtree(folder, ignore_errors=True)
        raise SystemExit(
            f"kapstan: pip could not fill the environment `{group}`: " + "\n  ".join(lines[-4:]) + "\n"
            "  remedy: check the network and `pip config list`, then run the command again"
        )
    (folder / DONE).touch()


def _run(command: list[str], total: int, say: Say) -> list[str] | None:
    """Run pip and report its progress; its last lines when it failed, else None."""
    lines: list[str] = []
    begun, seen, megabytes = time.monotonic(), 0, 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            lines = [*lines[-20:], line.strip()]
            if line.startswith("Collecting "):
                seen += 1
                left = (time.monotonic() - begun) / seen * (total - seen)
                name = line.split()[1].split("==")[0]
                say(f"  {seen:>3} of {total}  {name:<28} {megabytes:5.0f} MB, about {left:.0f} s left")
            elif size := re.search(r"Downloading .*\(([0-9.]+) (k|M)B\)", line):
                megabytes += float(size[1]) / (1000 if size[2] == "k" else 1)
            elif line.startswith("Installing collected"):
                say(f"  installing {total} packages ({megabytes:.0f} MB were downloaded)")
    return lines if pip.returncode else None


def _on_stderr(message: str) -> None:
    if not sys.stderr.isatty():
        if not message.startswith("  "):
            print(f"kapstan: {message}", file=sys.stderr, flush=True)  # noqa: T201 - the launcher's own output
        return
    passing = message.startswith("  ")
    text = message if passing else f"kapstan: {message}"
    print(f"\r\033[K{text}", end="" if passing else "\n", file=sys.stderr, flush=True)  # noqa: T201 - as above
    if message.startswith("  installing"):
        print(file=sys.stderr, flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    print(ensure(sys.argv[1]))  # noqa: T201 - the launcher reads it
