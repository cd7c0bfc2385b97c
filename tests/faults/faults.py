"""Every family of faults, in the order from which schedules are drawn; a new one is one line here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from tests.faults import (
    catalog,
    clock,
    crash,
    disk,
    expired,
    kill,
    offsets,
    rebalance,
    recreate,
    takeover,
    zombie,
)
from tests.faults.schedule import Kind, Step
from tests.faults.stage import Stage


class Fault(Protocol):
    """One fault of a schedule: it begins, it ends, and it can say how one knows that it took place."""

    def apply(self, stage: Stage) -> None:
        """Let it happen."""
        ...

    def heal(self, stage: Stage) -> None:
        """End it; what it has harmed may still be coming back."""
        ...

    def shown(self, stage: Stage) -> str:
        """Say in a few words what shows that it took place. NotShownError when nothing does."""
        ...


_MODULES = (kill, zombie, crash, catalog, offsets, takeover, rebalance, clock, disk, recreate, expired)
KINDS: tuple[Kind, ...] = tuple(module.KIND for module in _MODULES)
_MAKERS: Mapping[str, type] = MappingProxyType({module.KIND.name: module.FAULT for module in _MODULES})


def fault_of(step: Step) -> Fault:
    """Make the fault of a step; it has not begun."""
    made: Fault = _MAKERS[step.kind](step)
    return made
