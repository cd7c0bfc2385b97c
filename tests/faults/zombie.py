"""SIGSTOP for longer than a group waits for its member, then SIGCONT."""

from contextlib import suppress

import psutil

from tests.faults.errors import NotShownError
from tests.faults.parts import CORE, STATEFUL
from tests.faults.schedule import Kind, Step
from tests.faults.stage import Stage

# A session ends after 6 s and a transaction after 5 s; Flink takes a process for lost after 20 s.
LASTS_S = (7.0, 12.0)
_FLINK_S = (22.0, 25.0)
KIND = Kind(
    "zombie",
    dict.fromkeys((*CORE, *STATEFUL), ("",)),
    LASTS_S,
    longer_s={"flink": _FLINK_S, "flink_taskmanager": _FLINK_S},
    overlaps=True,
    weight=2,
)


class Zombie:
    """See the module."""

    def __init__(self, step: Step) -> None:
        """Take the step that it is."""
        self._victim = step.victim
        self._stopped: list[psutil.Process] = []
        self._seen = False

    def apply(self, stage: Stage) -> None:
        process = stage.living(self._victim)
        self._stopped = [process, *process.children(recursive=True)]
        for each in self._stopped:
            with suppress(psutil.NoSuchProcess):
                each.suspend()
        stage.until(
            lambda: process.status() == psutil.STATUS_STOPPED, 10, f"{self._victim} does not stop at SIGSTOP"
        )
        self._seen = True

    def heal(self, stage: Stage) -> None:
        for each in self._stopped:
            with suppress(psutil.NoSuchProcess):
                each.resume()
        if self._victim not in CORE:
            stage.ready(self._victim)
        stage.mark(self._victim)

    def shown(self, stage: Stage) -> str:
        if not self._seen:
            raise NotShownError(f"{self._victim} was not stopped")
        return f"process {self._stopped[0].pid} of {self._victim} stood still"


FAULT = Zombie
