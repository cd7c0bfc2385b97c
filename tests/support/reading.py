"""Reading in tests: poll until a condition holds, or fail at a deadline."""

import time
from collections.abc import Callable, Mapping

from streamkit.broker import Consumer, Polled
from streamkit.records import TopicPartition


def drain(consumer: Consumer, enough: Callable[[Polled], bool], seconds: float = 20.0) -> Polled:
    """Gather what `consume` returns until `enough`; ends hold the newest of each partition."""
    gathered = Polled([], {})
    deadline = time.monotonic() + seconds
    while not enough(gathered):
        assert time.monotonic() < deadline, f"not enough within {seconds:g} s: {gathered}"
        polled = consumer.consume(1000, 0.1)
        gathered.records.extend(polled.records)
        gathered.ends.update(polled.ends)
    return gathered


class Joined:
    """A consumer that has joined a group: what it was given and what was taken, call by call."""

    def __init__(self, consumer: Consumer, *topics: str) -> None:
        self.consumer = consumer
        self.given: list[list[TopicPartition]] = []
        self.taken: list[list[TopicPartition]] = []
        self.owned: set[TopicPartition] = set()
        consumer.subscribe(topics, self._assigned, self._revoked)

    def _assigned(self, partitions: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        self.given.append(partitions)
        self.owned.update(partitions)
        return self.consumer.committed(partitions)

    def _revoked(self, partitions: list[TopicPartition], _lost: bool) -> None:
        self.taken.append(partitions)
        self.owned.difference_update(partitions)


def settle(*members: Joined, own: int, seconds: float = 30.0) -> None:
    """Let the members take part until together they own `own` partitions, each partition once."""
    deadline = time.monotonic() + seconds
    while True:
        for member in members:
            member.consumer.consume(1, 0.1)
        owned = [tp for member in members for tp in member.owned]
        if len(owned) == own and len(set(owned)) == own and all(member.owned for member in members):
            return
        assert time.monotonic() < deadline, f"not settled within {seconds:g} s: {[m.owned for m in members]}"
