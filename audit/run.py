"""One audit: read every store as far as the log had come, and compare them record by record."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from audit.bronze import Bronze
from audit.effects import Effects, Events, match
from audit.identity import DeadLetterWatch, Identity
from audit.kafka import Scan, Scanner
from audit.ledger import read_ledger
from audit.offsets import OffsetSet
from audit.plan import DEAD_LETTERS, SEARCHED, Hop, Plan
from audit.redriven import Redriven
from audit.report import Report
from audit.search import Search
from audit.stores import Difference, Holding, compare
from streamkit.broker import Broker
from streamkit.catalogue import Catalogue
from streamkit.clock import Clock
from streamkit.codecs import Codecs
from streamkit.positions import Positions
from streamkit.redrives import REDRIVES, read_markers
from streamkit.registry import RegistryClient

SEARCH_SINK = "search_sink"
_POLL_S = 0.5
_BEYOND = 2**62

Progress = Callable[[str], None]
"""Told in a few words what the audit does now."""


@dataclass(slots=True)
class Stores:
    """The stores of one platform; a sink that is None is not compared.

    `skipped` says why, or `unanswered` when it should have been there to be compared.
    """

    broker: Broker
    registry: RegistryClient
    bronze: Bronze | None
    search: Search | None
    skipped: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)


class Audit:
    """Compares the stores once. Every method blocks; RetryableError means that one did not answer."""

    def __init__(
        self, stores: Stores, catalogue: Catalogue, clock: Clock, wait_s: float, progress: Progress
    ) -> None:
        """Take the stores, how long in all they may take to catch up with the log, and whom to tell."""
        self._stores = stores
        self._catalogue = catalogue
        self._clock = clock
        self._progress = progress
        self._deadline = clock.monotonic() + wait_s
        self._admin = stores.broker.admin()
        self._scanner = Scanner(stores.broker, clock)
        self._codecs = Codecs(catalogue, stores.registry)
        self._identities: dict[tuple[str, str], Identity] = {}
        # What has gone back by now: read first, so that all else is read behind its effects.
        markers = read_markers(stores.broker, self._codecs.decoder(REDRIVES).decode, clock)
        self._redriven = Redriven(markers)
        self._letters = DeadLetterWatch(
            self._codecs.decoder(DEAD_LETTERS).decode, SEARCH_SINK, self._identity_of, self._redriven.letters
        )
        self._scans: dict[str, Scan] = {}
        self._behind: list[str] = []

    def run(self, plan: Plan, ledger: Iterable[bytes] | None) -> Report:
        """Return what differs.

        Args:
            plan: what to compare.
            ledger: lines of acknowledged events; they are read first, so that the log holds all of them.
        """
        ids = {name: info.topic_id for name, info in self._admin.topics(plan.topics).items()}
        acknowledged = read_ledger(ledger, ids) if ledger is not None else None
        self._read_log(plan)
        differences: list[Difference] = []
        if acknowledged is not None:
            for topic in sorted({place.topic for place in acknowledged} & self._scans.keys()):
                scan = self._scans[topic]
                within = {place: _unbounded(held) for place, held in scan.within.items()}
                differences += compare(
                    "acknowledged", acknowledged, "kafka", scan.every, within, more_is_fine=True
                )
        for scan in self._scans.values():
            differences += self._against_bronze(scan)
        for scan in self._scans.values():
            differences += self._against_search(scan)
        stores = self._stores
        return Report(differences, list(self._effects(plan)), self._behind, stores.skipped, stores.unanswered)

    def _read_log(self, plan: Plan) -> None:
        self._await_retries()
        waiting = list(plan.hops)
        for topic in plan.topics:
            due = [hop for hop in waiting if hop.topic in self._scans and topic != hop.topic]
            for hop in due:
                self._await_group(hop)
                waiting.remove(hop)
            self._progress(f"reading {topic}")
            in_chain = any(topic in chain for chain in plan.chains)
            scan = self._scanner.scan(
                topic,
                self._identity(topic) if in_chain else None,
                self._letters if topic == DEAD_LETTERS else None,
            )
            if scan is not None:
                self._scans[topic] = scan

    def _identity(self, topic: str) -> Identity | None:
        info = self._admin.topics([topic]).get(topic)
        return None if info is None else self._identity_of(topic, info.topic_id)

    def _identity_of(self, topic: str, topic_id: str) -> Identity | None:
        declared = self._catalogue.get(topic)
        if declared is None or declared.spec.event_id is None:
            return None
        known = self._identities.get((topic, topic_id))
        if known is None:  # asked for each dead letter, and a decoder is dear to make
            decode, events = self._codecs.decoder(topic).decode, self._redriven.events
            known = Identity(topic_id, declared.spec.event_id, decode, events)
            self._identities[topic, topic_id] = known
        return known

    def _effects(self, plan: Plan) -> Iterator[Effects]:
        for chain in plan.chains:
            raw, effect = self._scans.get(chain.raw), self._scans.get(chain.effect)
            yield match(
                chain.raw,
                raw.events if raw else Events.none(),
                chain.effect,
                effect.events if effect else Events.none(),
                self._letters.hashes,
            )

    def _against_bronze(self, scan: Scan) -> Iterator[Difference]:
        bronze = self._stores.bronze
        if bronze is None or not self._catalogue[scan.topic].spec.bronze:
            return
        last = scan.last()
        self._await(f"bronze of {scan.topic}", last, lambda: bronze.stands(scan.topic))
        yield from compare("kafka", scan.every, "bronze", bronze.holds(scan.topic), scan.within)

    def _against_search(self, scan: Scan) -> Iterator[Difference]:
        search = self._stores.search
        if search is None or scan.topic not in SEARCHED:
            return
        self._await_group(Hop(SEARCH_SINK, scan.topic))
        aside = {place: OffsetSet.of(np.array(some)) for place, some in self._letters.aside.items()}
        expected = {
            place: Holding(held.offsets - aside[place]) if place in aside else held
            for place, held in scan.data.items()
        }
        self._progress(f"asking OpenSearch for {scan.topic}")
        held = search.holds(SEARCHED[scan.topic], scan.topic)
        yield from compare("kafka", expected, "opensearch", held, scan.within)

    def _await_retries(self) -> None:
        """Wait until the services have read what went back to them."""
        if not self._redriven.letters:
            return
        for group, topic in self._redriven.awaited(self._clock.now_ms()):
            scan = self._scanner.scan(topic)
            if scan is not None:
                self._await_read(group, topic, scan.last())

    def _await_group(self, hop: Hop) -> None:
        self._await_read(hop.group, hop.topic, self._scans[hop.topic].last())

    def _await_read(self, group: str, topic: str, last: Positions) -> None:
        partitions = list(last)
        self._await(f"{group} on {topic}", last, lambda: self._admin.group_offsets(group, partitions))

    def _await(self, who: str, last: Positions, stands: Callable[[], Positions]) -> None:
        """Wait until a store has passed the last record that was read from the log, or time is up."""
        self._progress(f"waiting for {who}")
        while True:
            reached = stands()
            left = {
                tp: offset - reached.get(tp, 0) for tp, offset in last.items() if reached.get(tp, 0) < offset
            }
            if not left:
                return
            if self._clock.monotonic() >= self._deadline:
                self._behind.append(f"{who} by up to {sum(left.values()):,} offsets")
                return
            self._clock.sleep(_POLL_S)


def _unbounded(within: Holding) -> Holding:
    """Return what may be compared with a ledger: an acknowledged record at the very end may be missing."""
    first = within.offsets.first(1)
    return Holding(OffsetSet.span(first[0] if first else 0, _BEYOND))
