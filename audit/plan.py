"""Pure: what an audit compares, and in which order the stores have to catch up first."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from streamkit.catalogue import Catalogue

TRANSACTIONS, ENRICHED, DECISIONS = (
    "payments.transactions.v1",
    "payments.enriched.v1",
    "payments.decisions.v1",
)
DEAD_LETTERS = "platform.dead-letters.v1"
SEARCHED: Mapping[str, str] = {
    DECISIONS: "decisions",
    "payments.alerts.v1": "alerts",
    DEAD_LETTERS: "dead-letters",
}
"""The topics that search_sink indexes, each with the first part of its indices' names."""


class Hop(NamedTuple):
    """A service that has to have read a topic before its outputs can be compared."""

    group: str
    topic: str


class Chain(NamedTuple):
    """Events of `raw`, and the topic that must hold one effect for each."""

    raw: str
    effect: str


class Plan(NamedTuple):
    """Topics in the order in which they are read: each after those it is made from."""

    topics: tuple[str, ...]
    hops: tuple[Hop, ...]
    chains: tuple[Chain, ...]


def plan_of(catalogue: Catalogue, only: str | None = None) -> Plan:
    """Return the plan for all topics that bronze keeps, or for what concerns one of them.

    Raises:
        UnknownTopicError: the catalogue has no topic `only`.
    """
    chains = [Chain(topic.spec.refined_from or "", topic.name) for topic in catalogue.refined()]
    if TRANSACTIONS in catalogue and DECISIONS in catalogue:
        chains.append(Chain(TRANSACTIONS, DECISIONS))
    if only is not None:
        catalogue[only]
        chains = [chain for chain in chains if only in chain]
        topics = {only, *(topic for chain in chains for topic in chain)}
        topics |= {ENRICHED} if Chain(TRANSACTIONS, DECISIONS) in chains else set()
        topics |= {DEAD_LETTERS} if chains or only in SEARCHED else set()
    else:
        topics = {name for name, topic in catalogue.items() if topic.spec.bronze}
    hops = [Hop("refiner", chain.raw) for chain in chains if chain.effect != DECISIONS]
    hops += [Hop("enricher", TRANSACTIONS), Hop("fraud_scorer", ENRICHED)]
    return Plan(
        tuple(sorted(topics, key=lambda topic: (_depth(topic, chains), topic))),
        tuple(hop for hop in hops if hop.topic in topics),
        tuple(chains),
    )


def _depth(topic: str, chains: Iterable[Chain]) -> int:
    """Return a rank: raw topics first, then what is made from them, dead letters last."""
    if topic == DEAD_LETTERS:
        return 3
    if topic == ENRICHED:
        return 1
    if topic.startswith("payments.alerts"):
        return 2
    return 2 if topic in {chain.effect for chain in chains} else 0
