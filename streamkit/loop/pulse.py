"""Pulse: decides in which partitions a heartbeat is due, and with which event time."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streamkit.aside import Ask, Regular
from streamkit.broker import Admin, AwayError
from streamkit.clock import Clock
from streamkit.heartbeat import HeartbeatRule, UpstreamGroup
from streamkit.positions import Positions
from streamkit.records import TopicPartition

_log = logging.getLogger(__name__)

INTERVAL_S = 2.0


@dataclass(frozen=True, slots=True)
class Due:
    """A heartbeat to be written."""

    partition: TopicPartition
    event_time: int


class Silence:
    """Since when each partition's end has not moved."""

    def __init__(self, silence_ms: int) -> None:
        self._silence_ms = silence_ms
        self._seen: dict[TopicPartition, tuple[int, int]] = {}

    def observe(self, ends: Positions, now_ms: int) -> list[TopicPartition]:
        """Return the partitions whose ends have stood still for long enough; never the first time."""
        silent: list[TopicPartition] = []
        for tp, end in ends.items():
            known, since = self._seen.get(tp, (-1, now_ms))
            if end != known:
                self._seen[tp] = (end, now_ms)
            elif now_ms - since >= self._silence_ms:
                silent.append(tp)
        return sorted(silent)


class Frontier:
    """Finds a time such that all that was in the log then has been processed by each group of a chain.

    It notes a time T and the ends of the first group's inputs at T. Once that group's offsets cover those
    ends, all that follows from them is in the next group's inputs, whose ends it notes; and so on. After
    the last group, T is safe: no event that was in the log at T is still to come out.
    """

    def __init__(self, admin: Admin, chain: Sequence[UpstreamGroup]) -> None:
        self._admin = admin
        self._chain = chain
        self._stage = 0
        self._time_ms: int | None = None
        self._ends = Positions()
        self.safe_ms: int | None = None

    def move(self, now_ms: int) -> int | None:
        """Look again; return the newest safe time in ms since the epoch, or None while there is none."""
        if self._time_ms is None:
            self._note(now_ms)
            return self.safe_ms
        while self._covered():
            self._stage += 1
            if self._stage == len(self._chain):
                self.safe_ms = self._time_ms
                self._note(now_ms)
                break
            self._ends = self._ends_of(self._chain[self._stage])
        return self.safe_ms

    def _note(self, now_ms: int) -> None:
        self._time_ms, self._stage = now_ms, 0
        self._ends = self._ends_of(self._chain[0])

    def _covered(self) -> bool:
        group = self._chain[self._stage].group
        wanted = [tp for tp, end in self._ends.items() if end > 0]
        return self._admin.group_offsets(group, wanted).covers(self._ends) if wanted else True

    def _ends_of(self, stage: UpstreamGroup) -> Positions:
        found = self._admin.topics(stage.topics)
        partitions = [TopicPartition(t, p) for t, info in found.items() for p in range(info.partitions)]
        # Uncommitted ends: a commit's markers may reach the offsets a moment before the outputs.
        return self._admin.end_offsets(partitions, committed_only=False)


class Pulse:
    """Heartbeats of one group's outputs; only one worker of the group may ask it."""

    def __init__(self, admin: Admin, ask: Ask, clock: Clock, rule: HeartbeatRule, group: str) -> None:
        self._admin = admin
        self._clock = clock
        self._asking = Regular[list[Due]](ask, clock, INTERVAL_S)
        self._rule = rule
        self._group = group
        self._silence = Silence(rule.silence_ms)
        self._inputs: tuple[str, ...] = ()
        self._frontier: Frontier | None = None

    def due(self, inputs: tuple[str, ...], outputs: Iterable[str]) -> list[Due]:
        """Return the heartbeats to write into the output topics; asks the broker every two seconds, aside.

        An answer stays true while time goes on: what was safe stays safe, and a heartbeat says nothing of
        what comes after it. A broker that does not answer costs nothing but time: heartbeats may wait.
        """
        topics = tuple(outputs)
        try:
            return self._asking.answer(lambda: self._due(inputs, topics)) or []
        except AwayError as error:
            _log.warning("no heartbeats for now: %s", error)
            # What it had noted by then may be of two moments, and proves nothing.
            self._frontier = None
            return []

    def _due(self, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> list[Due]:
        # Never twice at once, so nothing else touches the frontier meanwhile.
        now_ms = self._clock.now_ms()
        if self._frontier is None or inputs != self._inputs:
            chain = (*self._rule.upstream, UpstreamGroup(self._group, inputs))
            self._frontier, self._inputs = Frontier(self._admin, chain), inputs
        safe_ms = self._frontier.move(now_ms)
        found = self._admin.topics(outputs)
        partitions = [TopicPartition(t, p) for t, info in found.items() for p in range(info.partitions)]
        silent = self._silence.observe(self._admin.end_offsets(partitions, committed_only=False), now_ms)
        if safe_ms is None:
            return []
        return [Due(tp, safe_ms - self._rule.out_of_orderness_ms) for tp in silent]
