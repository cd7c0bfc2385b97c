"""A zombie that was replaced: another worker has its partitions when it comes back, and it must not write."""

from tests.faults import zombie
from tests.faults.errors import NotShownError
from tests.faults.groups import admin_of, sharing
from tests.faults.parts import TRANSFORMS, worker_name
from tests.faults.schedule import Kind, Step
from tests.faults.stage import Stage

KIND = Kind("takeover", dict.fromkeys(TRANSFORMS, ("",)), zombie.LASTS_S)
TAKEN_WITHIN_S = 90.0
SHARED_WITHIN_S = 180.0


class Takeover:
    """See the module."""

    def __init__(self, step: Step) -> None:
        """Take the step that it is."""
        self._service = step.victim
        self._relief = worker_name(step.victim, 1)
        self._zombie = zombie.Zombie(step)
        self._taken = False

    def apply(self, stage: Stage) -> None:
        admin = admin_of(stage.stack)
        stage.start(self._relief)
        stage.until(lambda: sharing(admin, self._service) == 2, SHARED_WITHIN_S, "no worker joins")
        self._zombie.apply(stage)
        stage.until(lambda: sharing(admin, self._service) == 1, TAKEN_WITHIN_S, "nobody takes over")
        self._taken = True

    def heal(self, stage: Stage) -> None:
        self._zombie.heal(stage)
        stage.ready(self._service)
        stage.stop(self._relief)
        stage.mark(self._relief)

    def shown(self, stage: Stage) -> str:
        if not self._taken:
            raise NotShownError(f"nobody took over from {self._service}")
        return f"{self._zombie.shown(stage)}, and {self._relief} had all its partitions"


FAULT = Takeover
