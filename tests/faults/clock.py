"""The wall clock of one service steps, forward or back, and later back again."""

import shlex
import sys
from pathlib import Path

from tests.faults.errors import NotShownError
from tests.faults.parts import CORE, one_life_file
from tests.faults.schedule import Kind, Step
from tests.faults.stage import Stage
from tests.faults.stepped import told

STEPS = ("+1800", "-1800", "+5", "-5")
KIND = Kind("clock", dict.fromkeys(CORE, STEPS), lasts_s=(2.0, 5.0))
IN_FORCE_WITHIN_S = 120.0


class Clock:
    """See the module. The service begins anew for it: its clock is stepped from inside."""

    def __init__(self, step: Step) -> None:
        """Take the step that it is; its variant is in seconds."""
        self._victim = step.victim
        self._step_s = float(step.variant)
        self._steps = 0

    def apply(self, stage: Stage) -> None:
        file = self._file(stage)
        file.write_text("0")
        module = f"services.{self._victim}"
        line = shlex.join([sys.executable, "-P", "-m", "tests.faults.stepped", str(file), module])
        one_life_file(stage.stack, self._victim).write_text(f"set -- {line}\n")
        stage.replaced(self._victim, stage.kill(self._victim).pid)
        stage.ready(self._victim)
        self._set(stage, self._step_s)

    def heal(self, stage: Stage) -> None:
        """Step back, then end that life, so that the next has the machine's own clock."""
        self._set(stage, 0.0)
        stage.replaced(self._victim, stage.kill(self._victim).pid)

    def shown(self, stage: Stage) -> str:
        if self._steps != 2:
            raise NotShownError(
                f"the clock of {self._victim} has stepped {self._steps} times, not there and back"
            )
        return f"{self._victim} had a clock that was off by {self._step_s:g} s"

    def _set(self, stage: Stage, step_s: float) -> None:
        log_end = stage.log_end(self._victim)
        self._file(stage).write_text(f"{step_s}")
        stage.until(
            lambda: stage.logged(self._victim, told(step_s), log_end),
            IN_FORCE_WITHIN_S,
            f"the clock of {self._victim} does not step by {step_s:g} s",
        )
        self._steps += 1

    def _file(self, stage: Stage) -> Path:
        return stage.stack.run / f"{self._victim}.clock"


FAULT = Clock
