"""Pure: the kinds of stage, each with the parts that its faults need, and which victim stands on which."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

CORE, CHANGES, VIEWS, WINDOWS = "core", "changes", "views", "windows"
PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        CORE: (),
        CHANGES: ("connect",),
        VIEWS: ("search_sink", "live_views"),
        WINDOWS: ("windows",),
    }
)
"""Kind of stage -> what it has beside the decision path and the lake; what those need comes with them."""

STORES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        CORE: frozenset({"bronze"}),
        CHANGES: frozenset({"bronze"}),
        VIEWS: frozenset({"bronze", "opensearch"}),
        WINDOWS: frozenset({"bronze", "windows + late"}),
    }
)
"""Kind of stage -> what the audit must have compared there, by its names for them."""

_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "postgres": CHANGES,
        "connect": CHANGES,
        "opensearch": VIEWS,
        "search_sink": VIEWS,
        "live_views": VIEWS,
        "flink": WINDOWS,
        "flink_taskmanager": WINDOWS,
        "windows": WINDOWS,
    }
)


def stage_of(victims: Iterable[str]) -> str | None:
    """Return the kind of stage that has all of these parts; None when no single one has."""
    beside = {_ELSEWHERE[victim] for victim in victims if victim in _ELSEWHERE}
    if len(beside) > 1:
        return None
    return beside.pop() if beside else CORE


def plays_on(needed: str, there: str) -> bool:
    """Whether what needs one kind of stage can be played on another: each has what the core has."""
    return needed in (CORE, there)
