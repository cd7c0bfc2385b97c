"""Lasting: a worker that begins anew inside its process when the broker was away for too long.

To end the process instead would cost the start of an interpreter at the very moment when the broker is back,
and a supervisor gives up on what ends too often. A new worker with new clients is as good as a new process:
it takes over the transactional id, which settles what was left open, and goes on from what was committed.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from streamkit.broker import AwayError
from streamkit.clock import Clock
from streamkit.errors import RetryableError
from streamkit.loop.status import LoopStatus

_log = logging.getLogger(__name__)

# A broker that is away is waited for by the calls themselves; this bounds those that fail at once.
_PAUSE_S = 0.2


class Worker(Protocol):
    """One worker of a loop; see TransformWorker."""

    def open(self) -> None:
        """Make everything ready; may block."""
        ...

    def turn(self) -> None:
        """Do a piece of everything."""
        ...

    def finished(self) -> bool:
        """Tell whether there is nothing more to do."""
        ...

    def close(self) -> None:
        """Release everything."""
        ...


def last(
    make: Callable[[], Worker], opened: Callable[[], None], status: LoopStatus, clock: Clock, *, anew: bool
) -> None:
    """Turn a worker until it has finished; with `anew`, one that raises AwayError is replaced by a new one.

    Blocks. `opened` is called after each opening. Every other error is raised.
    """
    away = False
    while not status.stopping:
        status.turned()
        worker = make()
        try:
            worker.open()
            if away:
                _log.info("the broker is back, the work goes on from what was committed")
            away = False
            opened()
            while not worker.finished():
                worker.turn()
        except AwayError as error:
            if not anew:
                raise
            if not away:
                _log.warning("the broker is away, the worker begins anew when it is back: %s", error)
            away, phase = True, f"waiting: {error}"
        else:
            return
        finally:
            _close(worker)
        status.phase = phase
        clock.sleep(_PAUSE_S)


def _close(worker: Worker) -> None:
    """Close a worker; what goes wrong must not stand in for why it is closed, and nothing is left to save."""
    try:
        worker.close()
    except RetryableError as error:
        _log.warning("a worker could not take its leave: %s", error)
