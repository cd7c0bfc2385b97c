"""One worker of a transform becomes three, then two, then one again: partitions move under traffic."""

from tests.faults.errors import NotShownError
from tests.faults.groups import admin_of, sharing
from tests.faults.parts import EXTRA, TRANSFORMS, worker_name
from tests.faults.schedule import Kind, Step
from tests.faults.stage import Stage

IN_ORDER, KILLED = "in order", "killed"
KIND = Kind("rebalance", dict.fromkeys(TRANSFORMS, (IN_ORDER, KILLED)), lasts_s=(1.0, 3.0))
SHARED_WITHIN_S = 180.0


class Rebalance:
    """See the module. `killed`: the workers that go are killed; else they are stopped in order."""

    def __init__(self, step: Step) -> None:
        """Take the step that it is."""
        self._service = step.victim
        self._killed = step.variant == KILLED
        self._members: list[int] = []

    def apply(self, stage: Stage) -> None:
        """From one to three."""
        stage.need(*(worker_name(self._service, slot) for slot in EXTRA))
        self._await(stage, 1 + len(EXTRA))

    def heal(self, stage: Stage) -> None:
        """From three to two, and to one."""
        for left, slot in ((2, EXTRA[0]), (1, EXTRA[1])):
            name = worker_name(self._service, slot)
            if self._killed:
                stage.kill(name)
            stage.stop(name)
            self._await(stage, left)
        stage.mark(self._service)

    def shown(self, stage: Stage) -> str:
        if self._members != [3, 2, 1]:
            raise NotShownError(f"{self._service} had {self._members} workers with partitions, not 3, 2, 1")
        return f"{self._service} had 3, 2 and 1 workers with partitions"

    def _await(self, stage: Stage, workers: int) -> None:
        admin = admin_of(stage.stack)
        stage.until(
            lambda: sharing(admin, self._service) == workers,
            SHARED_WITHIN_S,
            f"{self._service} is not shared by {workers} workers",
        )
        self._members.append(workers)


FAULT = Rebalance
