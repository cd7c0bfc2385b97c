"""What can be known to fail before anything is started."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from local.artifacts import Artifact, locked
from local.component import Component
from local.errors import RuntimeProblem
from local.fetch import free_bytes, missing
from local.places import cache_dir
from local.ports import SPAN, holder, is_free
from local.stack import Stack

MIB = 1 << 20
DATA_MB = 2048  # what a stack of all parts may write before anybody looks at it
UNPACKED = 3  # an archive's contents beside the archive itself


def check(stack: Stack, starting: Iterable[Component]) -> None:
    """Raise RuntimeProblem for the first thing that would keep these components from running."""
    components = list(starting)
    check_ports(stack, components)
    check_memory(components, psutil.virtual_memory().available // MIB)
    wanted = missing(artifacts_of(components))
    check_disk("cache", sum(a.size for a in wanted) * UNPACKED // MIB, free_bytes(cache_dir()) // MIB)
    check_disk("data", DATA_MB if components else 0, free_bytes(stack.home) // MIB)


def artifacts_of(components: Iterable[Component]) -> list[Artifact]:
    """Every locked file that the components are made of, each once."""
    return list(locked(*dict.fromkeys(name for component in components for name in component.artifacts)))


def check_ports(stack: Stack, components: Iterable[Component]) -> None:
    """Raise RuntimeProblem naming component, port and holder when a port is taken."""
    for component in components:
        for name in component.ports:
            port = stack.port(name)
            if not is_free(port):
                raise RuntimeProblem(
                    component.name,
                    f"port {port} ({name}) is in use by {holder(port)}",
                    remedy=f"stop that program, or use --port-base {stack.port_base + SPAN}"
                    " (with another --home for a second stack)",
                )


def check_memory(components: Iterable[Component], available_mb: int) -> None:
    """Raise RuntimeProblem when the components plan with more than the `available_mb` MiB there are."""
    by_size = sorted(components, key=lambda component: -component.memory_mb)
    planned = sum(component.memory_mb for component in by_size)
    if planned > available_mb:
        largest = ", ".join(f"{c.name} {c.memory_mb} MB" for c in by_size[:3])
        raise RuntimeProblem(
            "kapstan",
            f"too little memory: {planned} MB are needed, {available_mb} MB are available (most: {largest})",
            remedy="close other programs, or leave parts out: --without flink,opensearch",
        )


def check_disk(place: str, needed_mb: int, free_mb: int) -> None:
    """Raise RuntimeProblem when `place` (cache or data) has less than `needed_mb` MiB free."""
    if needed_mb > free_mb:
        variable = "KAPSTAN_CACHE" if place == "cache" else "KAPSTAN_HOME"
        raise RuntimeProblem(
            "kapstan",
            f"too little disk for its {place}: {needed_mb} MB are needed, {free_mb} MB are free",
            remedy=f"free some space, or point {variable} at another disk",
        )
