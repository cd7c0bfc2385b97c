"""Pure: what can be replayed, and which topics it reads and writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from replay.errors import ReplayRefusedError
from streamkit.catalogue import Catalogue
from streamkit.codecs import DEAD_LETTERS

Kind = Literal["transform", "lake", "window"]

_TRANSFORMS = {
    "enricher": (("payments.transactions.v1",), ("payments.enriched.v1",)),
    "fraud_scorer": (("payments.enriched.v1",), ("payments.decisions.v1", "payments.alerts.v1")),
}
_NOT_REPLAYED = {
    "ingest_gateway": "it reads no topic: what it took in is the log",
    "live_views": "it keeps no history: started on an empty folder it makes its tables from the log anew",
    "search_sink": "each document is made from one record alone, under an id and version of its own, so "
    "indexing again replaces it by itself; `kapstan audit` compares the index with Kafka",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A service or window that can be replayed.

    Attributes:
        name: the service, or the window.
        kind: a transform's results are topics, the lake's and a window's are tables.
        inputs: the topics that it reads.
        outputs: the topics that a transform writes, beside dead letters.
    """

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    outputs: tuple[str, ...] = ()

    @property
    def written(self) -> tuple[str, ...]:
        """Every topic that a replay makes in its namespace."""
        return (*self.outputs, DEAD_LETTERS) if self.kind == "transform" else ()


def target_of(
    name: str, catalogue: Catalogue, windows: Iterable[tuple[str, str]], topics: Iterable[str] = ()
) -> Target:
    """Return what `name` means.

    Args:
        name: what the user types.
        catalogue: the declared topics.
        windows: declared windows, each with the topic that it reads.
        topics: only these inputs, for a service with several; all when empty.

    Raises:
        ReplayRefusedError: there is no such thing, it cannot be replayed, or it does not read such a topic.
    """
    found = _named(name, catalogue, dict(windows))
    only = tuple(topics)
    if strange := sorted(set(only) - set(found.inputs)):
        raise ReplayRefusedError(
            f"{name} does not read {', '.join(strange)}", hint=f"It reads {', '.join(found.inputs)}"
        )
    if not only:
        return found
    refined = {topic.spec.refined_from: topic.name for topic in catalogue.refined()}
    outputs = tuple(refined[topic] for topic in only) if name == "refiner" else found.outputs
    return Target(found.name, found.kind, only, outputs)


def _named(name: str, catalogue: Catalogue, windows: dict[str, str]) -> Target:
    if name in windows:
        return Target(name, "window", (windows[name],))
    if name in _TRANSFORMS:
        inputs, outputs = _TRANSFORMS[name]
        return Target(name, "transform", inputs, outputs)
    if name == "refiner":
        pairs = sorted((topic.spec.refined_from or "", topic.name) for topic in catalogue.refined())
        return Target(
            name, "transform", tuple(raw for raw, _ in pairs), tuple(refined for _, refined in pairs)
        )
    if name == "lake_sink":
        return Target(name, "lake", tuple(sorted(n for n, topic in catalogue.items() if topic.spec.bronze)))
    if name in _NOT_REPLAYED:
        raise ReplayRefusedError(f"{name} is not replayed: {_NOT_REPLAYED[name]}")
    known = [*_TRANSFORMS, "refiner", "lake_sink", *sorted(windows)]
    raise ReplayRefusedError(f"there is no service or window {name}", hint=f"Choose from: {', '.join(known)}")
