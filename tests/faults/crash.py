"""A service's next life ends at a named crash point, as by kill -9; the one after goes on."""

import shutil

import psutil

from services.lake_sink.commit import CRASH_POINTS as LAKE_POINTS
from streamkit.crashpoints import SINK_POINTS, TRANSFORM_POINTS, reached
from tests.faults.errors import NotShownError
from tests.faults.parts import TRANSFORMS, crash_at, one_life_file
from tests.faults.schedule import Kind, Step
from tests.faults.stage import Stage

REACHED_WITHIN_S = 180.0
LATER = 4
_ONCE_A_LIFE = ("assign.", "restore.", "sink.before_open", "sink.after_open")
# Only a worker without a state of its own has something to restore.
_WITHOUT_STATE = ("restore.before_write", "restore.after_write")


def _variants(points: tuple[str, ...]) -> tuple[str, ...]:
    """Each point at its first pass, and those that are passed again and again at a later one too."""
    later = (f"{point}:{LATER}" for point in points if not point.startswith(_ONCE_A_LIFE))
    return (*(f"{point}:1" for point in points), *later)


KIND = Kind(
    "crash",
    {
        **dict.fromkeys(TRANSFORMS, _variants(TRANSFORM_POINTS)),
        "lake_sink": _variants((*SINK_POINTS, *LAKE_POINTS)),
        "search_sink": _variants(SINK_POINTS),
    },
    weight=4,
)


class Crash:
    """See the module."""

    def __init__(self, step: Step) -> None:
        """Take the step that it is; its variant is `point:pass`."""
        self._victim = step.victim
        self._point = step.variant
        self._log_end = 0
        self._reached = False

    def apply(self, stage: Stage) -> None:
        """Replace the process by one that will crash."""
        name = self._point.partition(":")[0]
        self._log_end = stage.log_end(self._victim)
        if name in _WITHOUT_STATE:
            stage.stop(self._victim)
            shutil.rmtree(stage.stack.data(self._victim) / "state", ignore_errors=True)
            self._arm(stage)
            stage.launch(self._victim)
        else:
            self._arm(stage)
            stage.kill(self._victim)

    def heal(self, stage: Stage) -> None:
        """Wait for the crash, and for the life after it."""
        text = reached(self._point.partition(":")[0])
        stage.until(
            lambda: stage.logged(self._victim, text, self._log_end),
            REACHED_WITHIN_S,
            f"{self._victim} does not come to {self._point}",
        )
        self._reached = True
        pid = stage.taken(self._victim)
        if pid is not None and psutil.pid_exists(pid):
            stage.until(
                lambda: stage.pid(self._victim) != pid, 20, f"{self._victim} outlives its crash point"
            )
        stage.replaced(self._victim, pid)

    def shown(self, stage: Stage) -> str:
        if not self._reached:
            raise NotShownError(f"{self._victim} did not come to {self._point}")
        return f"{self._victim} ended at {self._point}"

    def _arm(self, stage: Stage) -> None:
        one_life_file(stage.stack, self._victim).write_text(crash_at(self._point))


FAULT = Crash
