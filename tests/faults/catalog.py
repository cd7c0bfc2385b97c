"""A commit of lake_sink's that was applied, of which the answer is lost, or is a 503, or comes 10 s late."""

from tests.faults.errors import NotShownError
from tests.faults.proxy import MODES
from tests.faults.schedule import Kind, Step
from tests.faults.stage import Stage

KIND = Kind("catalog", {"lake_sink": MODES}, lasts_s=(1.0, 3.0), weight=2)
COMMITS_WITHIN_S = 120.0


class Catalog:
    """See the module."""

    def __init__(self, step: Step) -> None:
        """Take the step that it is."""
        self._mode = step.variant
        self._before = 0
        self._done = ""

    def apply(self, stage: Stage) -> None:
        self._before = len(stage.proxy.done)
        stage.proxy.arm(self._mode)

    def heal(self, stage: Stage) -> None:
        """Wait until a commit came by."""
        try:
            stage.until(
                lambda: len(stage.proxy.done) > self._before,
                COMMITS_WITHIN_S,
                "no commit came to the catalog",
            )
        finally:
            stage.proxy.disarm()
        self._done = stage.proxy.done[self._before]

    def shown(self, stage: Stage) -> str:
        if not self._done:
            raise NotShownError("no commit was spoilt")
        return f"one commit: {self._done}"


FAULT = Catalog
