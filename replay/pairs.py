"""What has to be compared for a replay: each topic or table of live's with that of the namespace."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from demo.progress import Bar, Steps
from replay.compare import Compared, Pair, compare
from replay.kept import Replay
from replay.topics import TopicStore, sources_of
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.outputs import qualified
from streamkit.topics_apply import Platform

if TYPE_CHECKING:
    from services.lake_sink.config import LakeSettings

_POLL_S = 1.0
_TELL_S = 1.0
_POSITIONS = ("side_positions",)


class Comparison:
    """Compares one replay with live; every call blocks."""

    def __init__(
        self, replay: Replay, platform: Platform, schemas: Path, lake: "LakeSettings | None", wait_s: float
    ) -> None:
        """Take the replay and the clients; `lake` is needed for tables, and for what Kafka has no more.

        Live may still be about to write what the replay has: its sinks are waited for, `wait_s` at most.
        """
        self._replay = replay
        self._platform = platform
        self._schemas = schemas
        self._lake = lake
        self._wait_s = wait_s
        # How far a replay with other side inputs than live's has read them says nothing about its results.
        self._ignored = () if replay.plan.sides == "recorded" and not replay.plan.replaced else _POSITIONS
        self.notes: list[str] = []

    def run(self, steps: Steps, show: int) -> list[Compared]:
        """Return what each pair came to; the first `show` records that do not agree are shown."""
        if self._replay.target.kind == "transform":
            with steps.step("Reading topics") as bar:
                return [compare(pair, show, self._ignored) for pair in self._topics(_Counting(bar))]
        with steps.step("Reading tables") as bar:
            if self._replay.target.kind == "lake":
                return [self._once_live_is_there(pair, show, bar) for pair in self._bronze()]
            from replay.past import with_past
            from replay.windows import window_pairs

            lake = _needed(self._lake)
            platform = with_past(self._platform, lake)
            pairs, notes = window_pairs(self._replay, platform, self._schemas, lake, _Counting(bar))
            self.notes += notes
            return [self._once_live_is_there(pair, show, bar) for pair in pairs]

    def _topics(self, told: "_Counting") -> Iterator[Pair]:
        from replay.past import with_past

        replay, clock = self._replay, self._platform.clock
        broker = with_past(self._platform, self._lake).broker
        codecs = Codecs(Catalogue.load(self._schemas), self._platform.registry)
        sources = sources_of(replay.plan, broker, clock, told)
        for topic in replay.target.written:
            decode, there = codecs.decoder(topic).decode, qualified(replay.namespace, topic)
            yield Pair(
                topic,
                TopicStore(topic, replay.target.name, decode, broker, clock, only=sources, told=told),
                TopicStore(there, replay.target.name, decode, broker, clock, told=told),
            )

    def _bronze(self) -> Iterator[Pair]:
        from replay.bronze import BronzeStore
        from services.lake_sink.catalog import open_catalog
        from services.lake_sink.lines import replay_branch
        from services.lake_sink.tables import Tables

        settings, replay = _needed(self._lake), self._replay
        catalog, plan = open_catalog(settings), replay.plan
        branch = replay_branch(replay.namespace) if replay.promotable else ""
        theirs = settings.model_copy(
            update={"mode": "replay", "namespace": replay.namespace, "lake_branch": branch}
        )
        for topic in self._replay.target.inputs:
            spans = {
                tp.partition: (plan.starts[tp], end) for tp, end in plan.ends.items() if tp.topic == topic
            }
            if all(start == end for start, end in spans.values()):
                continue
            live, replayed = (
                BronzeStore(
                    f"{each.bronze}.{topic}" + (f"@{each.lake_branch}" if each.lake_branch else ""),
                    Tables(catalog, each.bronze, each.ref),
                    topic,
                    plan.ends.topic_ids[topic],
                    spans,
                )
                for each in (settings, theirs)
            )
            yield Pair(topic, live, replayed)

    def _once_live_is_there(self, pair: Pair, show: int, bar: Bar) -> Compared:
        """Compare; while live lacks what the replay has and there is time, wait for its next commit."""
        deadline = time.monotonic() + self._wait_s
        bar(None, pair.name)
        while True:
            found = compare(pair, show)
            if not found.extra or time.monotonic() > deadline:
                if found.extra:
                    self.notes.append(
                        f"{pair.name}: live had not written its part after {self._wait_s:.0f} s."
                    )
                return found
            time.sleep(_POLL_S)


def _needed(lake: "LakeSettings | None") -> "LakeSettings":
    assert lake is not None  # noqa: S101 - the caller knows that tables are compared
    return lake


class _Counting:
    """Tells a bar how many records were read in all, once a second: each time may be a line of a log."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._records = 0
        self._next = time.monotonic() + _TELL_S

    def __call__(self, records: int) -> None:
        """Add some records."""
        self._records += records
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _TELL_S
            self._bar(None, f"{self._records:,} records")
