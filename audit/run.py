"""One audit: read every store as far as the log had come, and compare them record by record."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from audit.bronze import Bronze, spans_of
from audit.chains import Chains
from audit.contents import Contents
from audit.effects import Effects, Events, match
from audit.identity import DeadLetterWatch, Identity
from audit.kafka import Scan, Scanner, Watch
from audit.ledger import read_ledger
from audit.offsets import OffsetSet
from audit.part import WHOLE, EmptyPartError, Part
from audit.plan import DEAD_LETTERS, SEARCHED, Hop, Plan
from audit.redriven import Redriven
from audit.report import Report
from audit.search import Search
from audit.stores import Difference, Holding, Holdings, Place, compare
from audit.windows import Outcome, Windows
from streamkit.broker import Broker
from streamkit.catalogue import Catalogue
from streamkit.clock import Clock
from streamkit.codecs import Codecs
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition
from streamkit.redrives import REDRIVES, read_markers
from streamkit.registry import RegistryClient

SEARCH_SINK = "search_sink"
_POLL_S = 0.5
_BEYOND = 2**62
# Partitions of one topic meet in the next in any order: an effect may stand before one that is so much older.
_OUT_OF_ORDER_MS = 3_600_000

Progress = Callable[[str], None]
"""Told in a few words what the audit does now."""


@dataclass(slots=True)
class Stores:
    """The stores of one platform; what is None is not compared.

    `skipped` says why, or `unanswered` when it should have been there to be compared.
    """

    broker: Broker
    registry: RegistryClient
    bronze: Bronze | None
    search: Search | None
    skipped: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    windows: Windows | None = None


class Audit:
    """Compares the stores once. Every method blocks; RetryableError means that one did not answer."""

    def __init__(
        self,
        stores: Stores,
        catalogue: Catalogue,
        clock: Clock,
        wait_s: float,
        progress: Progress,
        *,
        content: bool = False,
    ) -> None:
        """Take the stores, how long in all they may take to catch up with the log, and whom to tell.

        With `content`, what bronze's rows say is compared with what Kafka's records say.
        """
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
        self._chains = Chains(self._scanner, self._letters)
        self._part = self._elsewhere = WHOLE
        self.caught_up = True
        self.windows: dict[str, Outcome] = {}
        self._before: Mapping[Place, Holding] = {}
        self._contents: Contents | None = None
        if content and stores.bronze is not None:
            self._contents = Contents(stores.broker, clock, stores.registry, stores.bronze)
        self._scans: dict[str, Scan] = {}
        self._behind: list[str] = []

    def run(
        self,
        plan: Plan,
        ledger: Iterable[bytes] | None,
        part: Part = WHOLE,
        before: Mapping[Place, Holding] | None = None,
    ) -> Report:
        """Return what differs.

        Args:
            plan: what to compare.
            ledger: lines of acknowledged events; they are read first, so that the log holds all of them.
            part: the part of the log to look at.
            before: what earlier rounds saw in Kafka of the topics that the ledger is about.

        Raises:
            EmptyPartError: no record lies between the bounds that were given.
        """
        ids = {name: info.topic_id for name, info in self._admin.topics(plan.topics).items()}
        acknowledged = read_ledger(ledger, ids) if ledger is not None else None
        self._part, self._before = part, before or {}
        self._elsewhere = self._in_other_topics(part)
        self._read_log(plan)
        differences: list[Difference] = []
        if acknowledged is not None:
            differences += self._against_ledger(acknowledged)
        for scan in self._scans.values():
            differences += self._against_bronze(scan)
        for scan in self._scans.values():
            differences += self._against_search(scan)
        outcomes = [outcome for scan in self._scans.values() for outcome in self._against_windows(scan)]
        self.windows = {outcome.topic: outcome for outcome in outcomes}
        differences += [found for outcome in outcomes for found in outcome.differences]
        self.caught_up = not self._behind
        return Report(
            differences,
            list(self._effects(plan)),
            self._behind + [text for outcome in outcomes for text in outcome.behind],
            self._stores.skipped + [text for outcome in outcomes for text in outcome.skipped],
            self._stores.unanswered,
            [text for outcome in outcomes for text in outcome.told],
        )

    def _in_other_topics(self, part: Part) -> Part:
        """Return what offsets in one topic mean in the others."""
        if not part.by_offset or part.topic is None:
            return part
        self._progress(f"looking up the part of {part.topic}")
        found = self._scanner.scan(part.topic, part=part)
        if found is None or found.oldest_ms is None or found.newest_ms is None:
            raise _nothing()
        return part.elsewhere(found.oldest_ms, found.newest_ms)

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
                part=self._part if topic == self._part.topic else self._elsewhere,
                every=self._watches(topic),
            )
            if scan is not None:
                self._scans[topic] = scan
        asked = self._part.begin is not None or self._part.end is not None
        if asked and not any(held.offsets for scan in self._scans.values() for held in scan.every.values()):
            raise _nothing()

    def _watches(self, topic: str) -> Watch | None:
        """Return what else wants to see every record of a topic."""
        found: list[Watch] = []
        info = self._admin.topics([topic]).get(topic)
        if self._contents is not None and info is not None and self._catalogue[topic].spec.bronze:
            found.append(self._contents.of_kafka(topic, info.topic_id))
        windows = self._stores.windows.of_kafka(topic) if self._stores.windows is not None else None
        found += [windows] if windows is not None else []

        def each(records: Sequence[Record]) -> None:
            for watch in found:
                watch(records)

        return each if found else None

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
        if not self._part.whole:
            raws = [self._scans[chain.raw] for chain in plan.chains if chain.raw in self._scans]
            self._chains.read_letters(self._scans.get(DEAD_LETTERS), raws)
        for chain in plan.chains:
            raw, effect = self._scans.get(chain.raw), self._scans.get(chain.effect)
            if not self._part.whole:
                self._progress(f"looking for effects in {chain.effect}")
                yield self._chains.match(chain, raw, effect, self._identity(chain.effect))
                continue
            earlier, sent = self._since_effects_are_whole(raw, effect)
            answers = effect.events if effect else Events.none()
            yield match(chain.raw, sent, chain.effect, answers, self._letters.hashes, earlier.hashes)

    def _since_effects_are_whole(self, raw: Scan | None, effect: Scan | None) -> tuple[Events, Events]:
        """Return the events whose effects retention may have deleted already, and the others."""
        events = raw.events if raw is not None else Events.none()
        since_ms = effect.whole_since_ms if effect is not None else None
        if raw is None or effect is None or since_ms is None:
            return Events.none(), events
        self._stores.skipped.append(
            f"effects in {effect.topic} of events from before its oldest records: retention has deleted some"
        )
        begins = self._admin.offsets_at(sorted(raw.span.ends), since_ms + _OUT_OF_ORDER_MS)
        return events.parted({tp.partition: offset for tp, offset in begins.items()})

    def _against_ledger(self, acknowledged: Holdings) -> Iterator[Difference]:
        for topic in sorted({place.topic for place in acknowledged} & self._scans.keys()):
            scan = self._scans[topic]
            within = {place: self._acknowledgeable(place, scan) for place in scan.within}
            seen = {**scan.every, **{place: held for place, held in self.seen().items() if place in within}}
            yield from compare("acknowledged", acknowledged, "kafka", seen, within, more_is_fine=True)

    def _acknowledgeable(self, place: Place, scan: Scan) -> Holding:
        """Return what may be compared with a ledger: a record at the very end may be missing."""
        tp = TopicPartition(place.topic, place.partition)
        before = self._before.get(place, Holding()).offsets.first(1)
        start = min([scan.span.starts[tp], *before])
        return Holding(OffsetSet.span(start, scan.span.ends[tp] if self._part.end is not None else _BEYOND))

    def _against_bronze(self, scan: Scan) -> Iterator[Difference]:
        bronze = self._stores.bronze
        if bronze is None or not self._catalogue[scan.topic].spec.bronze:
            return
        last = scan.last()
        self._await(f"bronze of {scan.topic}", last, lambda: bronze.stands(scan.topic))
        contents = self._contents
        self._progress(f"reading bronze of {scan.topic}")
        held = bronze.holds(scan, contents.of_bronze(scan.topic) if contents is not None else None)
        for found in compare("kafka", scan.every, "bronze", held, scan.within):
            if contents is not None:
                contents.compare(scan, held, found)
            yield found

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
        spans = None if self._part.whole else spans_of(scan)
        held = search.holds(SEARCHED[scan.topic], scan.topic, spans)
        yield from compare("kafka", expected, "opensearch", held, scan.within)

    def _await_retries(self) -> None:
        """Wait until the services have read what went back to them."""
        if not self._redriven.letters:
            return
        for group, topic in self._redriven.awaited(self._clock.now_ms()):
            scan = self._scanner.scan(topic)
            if scan is not None:
                self._await_read(group, topic, scan.last())

    def _against_windows(self, scan: Scan) -> Iterator[Outcome]:
        windows = self._stores.windows
        if windows is not None and windows.over(scan.topic):
            yield windows.compare(scan, self._deadline, self._progress)

    def reached(self) -> Positions:
        """Return where what was read ends, which is where the next part begins."""
        ends = {tp: end for scan in self._scans.values() for tp, end in scan.span.ends.items()}
        return Positions(ends, {topic: scan.topic_id for topic, scan in self._scans.items()})

    def seen(self) -> dict[Place, Holding]:
        """Return what this round and those before it saw in Kafka of topics that events are sent to."""
        found = dict(self._before)
        for topic, scan in self._scans.items():
            if self._catalogue[topic].spec.ingest:
                for place, held in scan.every.items():
                    earlier = found.get(place, Holding()).offsets
                    found[place] = Holding(earlier | held.offsets)
        return found

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


def _nothing() -> EmptyPartError:
    return EmptyPartError(
        "no record lies between --from and --to, so nothing would be compared",
        hint="Times are those of ingest, in UTC unless they say otherwise",
    )
