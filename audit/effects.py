"""Pure: events and their effects, matched by (tenant, event id).

An event may be sent twice: that is a repeat in the raw topic. Its effect may be there once only.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
_FIRST = 5


def event_hash(tenant: bytes, event_id: bytes) -> int:
    """Return 64 bits that stand for an event; two of ten million share them with odds of 1 to 370,000."""
    # A length before the tenant keeps ("ab", "c") and ("a", "bc") apart.
    text = len(tenant).to_bytes(4, "big") + tenant + event_id
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


@dataclass(slots=True)
class Events:
    """Events as records of one topic: the hash of each, with its partition and offset."""

    hashes: Hashes
    partitions: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]

    @staticmethod
    def none() -> "Events":
        """Return no events."""
        return Events(np.empty(0, np.uint64), np.empty(0, np.int32), np.empty(0, np.int64))

    @staticmethod
    def joined(parts: "Sequence[Events]") -> "Events":
        """Return the events of all parts."""
        if not parts:
            return Events.none()
        return Events(
            np.concatenate([each.hashes for each in parts]),
            np.concatenate([each.partitions for each in parts]),
            np.concatenate([each.offsets for each in parts]),
        )

    def at(self, rows: npt.NDArray[np.int64]) -> "Events":
        """Return some of them."""
        return Events(self.hashes[rows], self.partitions[rows], self.offsets[rows])

    def parted(self, begins: Mapping[int, int]) -> "tuple[Events, Events]":
        """Return those before an offset in each partition, and the others; `begins` has every partition."""
        starts = np.zeros(max(begins, default=-1) + 1, np.int64)
        for partition, offset in begins.items():
            starts[partition] = offset
        is_earlier = self.offsets < starts[self.partitions]
        return self.at(np.flatnonzero(is_earlier)), self.at(np.flatnonzero(~is_earlier))

    def named(self, topic: str, what: str, count: int = _FIRST) -> list[str]:
        """Return the first of them in words."""
        first = zip(self.partitions[:count].tolist(), self.offsets[:count].tolist(), strict=True)
        return [f"{what} {topic}/{partition}/{offset}" for partition, offset in first]


@dataclass(slots=True)
class Effects:
    """How the effects of a raw topic's events stand.

    Attributes:
        raw: topic of the events.
        effect: topic of their effects.
        events: distinct events sent.
        repeats: records that say again what an earlier one has said.
        refused: events that ended in a dead letter instead.
        lost: events without an effect and without a dead letter.
        doubled: effects beyond the first of an event.
        examples: the first lost and doubled ones in words.
    """

    raw: str
    effect: str
    events: int = 0
    repeats: int = 0
    refused: int = 0
    lost: int = 0
    doubled: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether each event has one effect."""
        return not (self.lost or self.doubled)


def match(
    raw: str, sent: Events, effect: str, effects: Events, refused: Hashes, before: Hashes | None = None
) -> Effects:
    """Return how the effects in one topic answer the events in another.

    Args:
        raw: topic of the events.
        sent: its records, each an event.
        effect: topic of the effects.
        effects: its records.
        refused: hashes of events that are in the dead letters.
        before: hashes of effects older than all of `sent`: what was sent again of theirs is a repeat.
    """
    events, first = np.unique(sent.hashes, return_index=True)
    effected, counts = np.unique(effects.hashes, return_counts=True)
    if before is not None and before.size:
        again = np.setdiff1d(np.intersect1d(events, before), effected)
        new = ~among(events, again)
        events, first = events[new], first[new]
    given_up, answered = among(events, np.sort(refused)), among(events, effected)
    missing = ~answered & ~given_up
    lost = sent.at(np.sort(first[missing]))
    more = np.flatnonzero(among(effects.hashes, effected[counts > 1]))
    return Effects(
        raw,
        effect,
        events=int(events.size),
        repeats=int(sent.hashes.size - events.size),
        refused=int((given_up & ~answered).sum()),
        lost=int(missing.sum()),
        doubled=int((counts - 1).sum()),
        examples=lost.named(raw, "no effect of") + effects.at(more).named(effect, "one of several effects:"),
    )


def among(hashes: Hashes, ordered: Hashes) -> npt.NDArray[np.bool_]:
    """Tell of each hash whether it is among `ordered`; numpy's `isin` takes a hundred times as long."""
    if not ordered.size:
        return np.zeros(hashes.size, np.bool_)
    places = np.searchsorted(ordered, hashes)
    found: npt.NDArray[np.bool_] = ordered[np.minimum(places, ordered.size - 1)] == hashes
    return found
