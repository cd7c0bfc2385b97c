"""What a loop tells others while it runs: probes ask it, signals set it."""

import signal
import time
from collections.abc import Callable
from types import FrameType


class LoopStatus:
    """The state of one loop, written by the loop's thread and read by any.

    Give `ready` and `live` to the HealthServer as checks.
    """

    def __init__(
        self, stalled_after_s: float = 30.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._stalled_after_s = stalled_after_s
        self._monotonic = monotonic
        self._turned = monotonic()
        self.phase = "starting"
        self.assigned = 0
        self.restoring = 0
        self.stopping = False

    def turned(self) -> None:
        """Note that the loop is alive."""
        self._turned = self._monotonic()

    def stop(self) -> None:
        """Ask the loop to finish what it holds and return."""
        self.stopping = True

    def ready(self) -> str | None:
        """Return None when every assigned partition is being processed, else what is still to come."""
        if self.phase != "running":
            return f"the loop is {self.phase}"
        if self.restoring:
            return f"{self.restoring} of {self.assigned} partitions are restoring their state"
        return None

    def live(self) -> str | None:
        """Return None while the loop turns, else for how long it has not."""
        silent = self._monotonic() - self._turned
        return None if silent < self._stalled_after_s else f"the loop has not turned for {silent:.0f} s"

    def stop_on_signals(self) -> None:
        """Let SIGTERM and SIGINT ask for a stop; only the main thread may call this."""

        def handle(_number: int, _frame: FrameType | None) -> None:
            self.stop()

        signal.signal(signal.SIGTERM, handle)
        signal.signal(signal.SIGINT, handle)
