"""The disk of a transform's state is full for a while: a tmpfs of a few MB, which only root can mount."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.faults.errors import NotShownError
from tests.faults.parts import TRANSFORMS
from tests.faults.schedule import Kind, Step
from tests.faults.stage import Stage

KIND = Kind("disk", dict.fromkeys(TRANSFORMS, ("",)), lasts_s=(3.0, 8.0), weight=0.7)
SPARE_MB = 2
NOTICED = "No space left on device"
NOTICED_WITHIN_S = 120.0
_FILLER = "filler"


class Disk:
    """See the module."""

    def __init__(self, step: Step) -> None:
        """Take the step that it is."""
        self._victim = step.victim
        self._free = -1
        self._mounted: Path | None = None

    def apply(self, stage: Stage) -> None:
        if os.geteuid() != 0:
            raise NotShownError("only root can mount a disk that is small enough to fill; run it as root")
        folder, aside = _folders(stage, self._victim)
        stage.stop(self._victim)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        folder.rename(aside)
        folder.mkdir(mode=0o700)
        options = f"size={size + (SPARE_MB << 20)},mode=0700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
        self._mounted = folder
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        stage.start(self._victim)
        log_end = stage.log_end(self._victim)
        self._free = _fill(folder / _FILLER)
        # RocksDB has reserved some room; it takes traffic to use that up.
        stage.until(
            lambda: stage.logged(self._victim, NOTICED, log_end),
            NOTICED_WITHIN_S,
            f"{self._victim} does not notice that its disk is full",
        )

    def heal(self, stage: Stage) -> None:
        """Make room, wait until the service serves, and put its state back onto the stack's own disk."""
        if self._mounted is None:
            return
        (self._mounted / _FILLER).unlink()
        stage.ready(self._victim)
        stage.stop(self._victim)
        folder, aside = _folders(stage, self._victim)
        shutil.rmtree(aside)
        shutil.copytree(folder, aside)
        subprocess.run(["umount", str(folder)], check=True)
        self._mounted = None
        folder.rmdir()
        aside.rename(folder)
        stage.start(self._victim)

    def shown(self, stage: Stage) -> str:
        if self._free != 0:
            raise NotShownError(f"{self._free} bytes were free")
        return f"no byte was free where {self._victim} keeps its state, and it said so"


def _folders(stage: Stage, victim: str) -> tuple[Path, Path]:
    home = stage.stack.data(victim)
    return home / "state", home / "state.aside"


def _fill(file: Path) -> int:
    """Write until nothing goes in any more; returns how much is free then."""
    with file.open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(bytes(4096)):
            pass
    left = os.statvfs(file)
    return left.f_bavail * left.f_frsize


FAULT = Disk
