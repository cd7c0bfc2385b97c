"""SIGKILL of one part's process; its supervisor starts it again."""

import psutil

from tests.faults.errors import NotShownError
from tests.faults.parts import CORE, STATEFUL
from tests.faults.restarts import FLINK, Restarts
from tests.faults.schedule import Kind, Step
from tests.faults.stage import Stage, alive

KIND = Kind("kill", dict.fromkeys((*CORE, *STATEFUL), ("",)), overlaps=True, weight=3)


class Kill:
    """See the module."""

    def __init__(self, step: Step) -> None:
        """Take the step that it is."""
        self._victim = step.victim
        self._killed: psutil.Process | None = None
        self._restarts = Restarts() if step.victim in FLINK else None

    def apply(self, stage: Stage) -> None:
        if self._restarts is not None:
            self._restarts.begin(stage)
        self._killed = stage.kill(self._victim)

    def heal(self, stage: Stage) -> None:
        if self._killed is not None:
            stage.replaced(self._victim, self._killed.pid)
        if self._restarts is not None:
            self._restarts.await_all(stage)

    def shown(self, stage: Stage) -> str:
        if self._killed is None or alive(self._killed):
            raise NotShownError(f"{self._victim} was not killed")
        went_on = f"; {self._restarts.told()}" if self._restarts is not None else ""
        return f"process {self._killed.pid} of {self._victim} was killed{went_on}"


FAULT = Kill
