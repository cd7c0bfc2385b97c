"""Every component of the runtime, by name. A new one is one line here; their `needs` give the order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from local.component import Component
from local.connect import Connect
from local.errors import RuntimeProblem
from local.flink import JobManager, TaskManager
from local.kafka import Kafka
from local.opensearch import OpenSearch
from local.postgres import Postgres
from local.registry import Registry
from local.seaweedfs import SeaweedFS
from local.services import services
from local.windows import Windows


def components() -> dict[str, Component]:
    """All components, in an order in which each stands behind what it needs."""
    return in_order(
        [
            Kafka(),
            Registry(),
            Postgres(),
            Connect(),
            SeaweedFS(),
            OpenSearch(),
            JobManager(),
            TaskManager(),
            Windows(),
            *services(),
        ]
    )


def in_order(given: Iterable[Component]) -> dict[str, Component]:
    """The components by name, sorted so that needs come first. KeyError for a need that is not there."""
    by_name = {component.name: component for component in given}
    ordered: dict[str, Component] = {}

    def place(name: str) -> None:
        if name not in ordered:
            for need in by_name[name].needs:
                place(need)
            ordered[name] = by_name[name]

    for name in by_name:
        place(name)
    return ordered


def choose(
    known: Mapping[str, Component], only: Iterable[str] | None = None, without: Iterable[str] = ()
) -> dict[str, Component]:
    """The components that a command means, in starting order.

    `only` takes the named ones and all they need; `without` leaves out the named ones and all that need them.
    RuntimeProblem for a name that does not exist.
    """
    left_out, named = set(without), set(known if only is None else only)
    unknown = sorted((left_out | named) - set(known))
    if unknown:
        raise RuntimeProblem(
            "kapstan",
            f"there is no component {', '.join(unknown)}",
            remedy=f"choose from: {', '.join(known)}",
        )
    wanted: set[str] = set()
    for name in reversed(list(known)):
        if name in named or name in wanted:
            wanted |= {name, *known[name].needs}
    chosen: dict[str, Component] = {}
    for name, component in known.items():
        if name in wanted and name not in left_out:
            if left_out.intersection(component.needs):
                left_out.add(name)
            else:
                chosen[name] = component
    return chosen
