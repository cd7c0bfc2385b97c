"""A group's offsets are deleted while its service is down."""

from tests.faults.errors import NotShownError
from tests.faults.groups import admin_of, committed, deleted
from tests.faults.parts import TRANSFORMS
from tests.faults.schedule import Kind, Step
from tests.faults.stage import Stage

KIND = Kind("offsets", dict.fromkeys((*TRANSFORMS, "lake_sink", "search_sink"), ("",)))
# A static member that went away stays in its group until its session ends, after 6 s.
EMPTY_WITHIN_S = 120.0


class Offsets:
    """See the module."""

    def __init__(self, step: Step) -> None:
        """Take the step that it is."""
        self._victim = step.victim
        self._had = 0
        self._left = -1

    def apply(self, stage: Stage) -> None:
        admin = admin_of(stage.stack)
        stage.stop(self._victim)
        self._had = committed(admin, self._victim)
        stage.until(lambda: deleted(admin, self._victim), EMPTY_WITHIN_S, f"{self._victim} is never empty")
        self._left = committed(admin, self._victim)

    def heal(self, stage: Stage) -> None:
        stage.start(self._victim)

    def shown(self, stage: Stage) -> str:
        if self._had == 0 or self._left != 0:
            raise NotShownError(f"{self._victim} had {self._had} committed offsets, and then {self._left}")
        return f"{self._had} offsets of {self._victim} were deleted"


FAULT = Offsets
