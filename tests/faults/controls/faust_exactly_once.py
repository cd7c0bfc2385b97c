"""Faust with processing_guarantee=exactly_once counts a topic per key, in a group of two, under kill -9.

Ours, the Transform loop, counts the same topic at the same time and meets the same kills.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.stack import Stack
from streamkit.broker import Broker
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.bounds import present_ends
from streamkit.records import TopicPartition
from tests.faults.controls.control import Outcome
from tests.faults.controls.faust_app import PARTITIONS
from tests.faults.controls.group import Group, Kill, draw_kills
from tests.faults.controls.judge import Tally, judge_counts
from tests.support.waiting import until
from tests.support.workers import make_topics, read_all

NAME = "faust_exactly_once"
PARTS = ("kafka",)
EVENTS = 30_000
KEYS = 300
PER_SECOND = 500
BETWEEN_KILLS_S = (6.0, 12.0)
_BEGIN_WITHIN_S = 120.0
_WORKED_OFF_WITHIN_S = 120.0
_LOOK_EVERY_S = 0.2
_WRITES_AGAIN, _WRITES_WITHIN_S = 100, 30.0


@dataclass(slots=True)
class Sending:
    """An event on its way, and where it came to stand."""

    key: bytes
    value: bytes
    partition: int = -1
    offset: int = -1

    def delivered(self, partition: int, offset: int) -> None:
        """Note the place."""
        self.partition, self.offset = partition, offset


Sent = list[Sending]


def run(stack: Stack, folder: Path, name: str, seed: int = 1, events: int = EVENTS) -> Outcome:
    """Run the control; blocks for two to five minutes.

    Args:
        stack: with Kafka.
        folder: for logs and state.
        name: of the topic, new on this stack.
        seed: of the kills.
        events: how many, at 500 a second.
    """
    broker = KafkaBroker(stack.bootstrap_servers)
    make_topics(broker, name, PARTITIONS)
    theirs, ours = f"{name}-faust", name
    broker.admin().create_topic(f"{theirs}-counts", PARTITIONS, {"retention.ms": "-1"})
    sent: Sent = []
    sender = threading.Thread(target=_send, args=(broker, name, sent, events), daemon=True)
    kills = draw_kills(seed, events / PER_SECOND, BETWEEN_KILLS_S)
    with closing(broker):
        with ExitStack() as stopping:
            groups = [_faust(stack, folder, name, theirs), _kapstan(stack, folder, name)]
            for group in groups:
                stopping.callback(group.stop)
            sender.start()
            until(lambda: all(_end(broker, f"{each}-counts") for each in (theirs, ours)), _BEGIN_WITHIN_S)
            _kill(kills, groups, lambda: _end(broker, f"{theirs}-counts", committed_only=False))
            sender.join()
            _work_off(broker, name, (theirs, ours), groups)
        for each in (theirs, ours):
            until(partial(_no_transaction_open, broker, f"{each}-counts"), _BEGIN_WITHIN_S)
        unread = _unread(broker, name, theirs, sent)
        befell = f"{len(kills)} kills in a group of two, {events:,} events, seed {seed}"
        befell += f"; Faust had read all but {len(unread):,}" if unread else ""
        found = _judged(broker, sent, theirs, unread)
        return Outcome(NAME, befell, found, _judged(broker, sent, ours, set()))


def _kill(kills: Sequence[Kill], groups: Sequence[Group], written: Callable[[], int]) -> None:
    """Kill the same slot of each group when it is due; what ends by itself is started again meanwhile.

    A kill waits a while for Faust to write again after the one before: it takes seconds to begin, and a life
    that has not begun shows nothing.
    """
    for kill in kills:
        before, due = written(), time.monotonic() + kill.after_s
        while (left := due - time.monotonic()) > 0 or (
            left > -_WRITES_WITHIN_S and written() < before + _WRITES_AGAIN
        ):
            for group in groups:
                group.revive()
            time.sleep(_LOOK_EVERY_S)
        for group in groups:
            group.kill(kill.slot)


def _faust(stack: Stack, folder: Path, source: str, group: str) -> Group:
    state = folder / "faust"
    state.mkdir()
    arguments = (stack.bootstrap_servers, group, source, f"{group}-counts", str(state))
    return Group("faust", lambda slot: ["-m", "tests.faults.controls.faust_app", *arguments, slot], folder)


def _kapstan(stack: Stack, folder: Path, source: str) -> Group:
    state = folder / "kapstan"
    state.mkdir()
    arguments = (stack.bootstrap_servers, source, str(state))
    return Group("kapstan", lambda slot: ["-m", "tests.support.counting_worker", *arguments, slot], folder)


def _send(broker: Broker, topic: str, sent: Sent, events: int) -> None:
    producer = broker.producer()
    start = time.monotonic()
    for number in range(events):
        key, value = b"k%d" % (number * 7919 % KEYS), b"v%d" % number
        one = Sending(key, value)
        sent.append(one)
        producer.send(topic, key, value, (), time.time_ns() // 1_000_000, on_delivered=one.delivered)
        time.sleep(max(0.0, start + number / PER_SECOND - time.monotonic()))
    producer.flush(60)
    producer.close()


def _partitions(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for partition in range(PARTITIONS)]


def _end(broker: Broker, topic: str, *, committed_only: bool = True) -> int:
    return sum(broker.admin().end_offsets(_partitions(topic), committed_only=committed_only).values())


def _no_transaction_open(broker: Broker, topic: str) -> bool:
    return _end(broker, topic) == _end(broker, topic, committed_only=False)


def _work_off(broker: Broker, source: str, names: Sequence[str], groups: Sequence[Group]) -> None:
    """Wait until the groups have read the whole source, or for as long as one may take for it."""
    ends = present_ends(broker, (source,))

    def worked_off() -> bool:
        for group in groups:
            group.revive()
        return all(broker.admin().group_offsets(name, list(ends)).covers(ends) for name in names)

    # What they have not read then is not held against them.
    with suppress(AssertionError):
        until(worked_off, _WORKED_OFF_WITHIN_S)


def _unread(broker: Broker, source: str, group: str, sent: Sent) -> set[bytes]:
    """The values that the group has not committed to have read."""
    offsets = broker.admin().group_offsets(group, _partitions(source))
    return {one.value for one in sent if one.offset >= offsets.get(TopicPartition(source, one.partition), 0)}


def _judged(broker: Broker, sent: Sent, group: str, unread: set[bytes]) -> Tally:
    counted = [(record.key or b"", record.value or b"") for record in read_all(broker, f"{group}-counts")]
    return judge_counts([(one.key, one.value) for one in sent], counted, unread)
