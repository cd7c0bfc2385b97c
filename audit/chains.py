"""The effects of events, wherever in the log they stand: an effect has its event's time, not its place."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from audit.effects import Effects, Events, Hashes, among, match
from audit.identity import DeadLetterWatch, Identity
from audit.kafka import Gathering, Scan, Scanner
from audit.plan import Chain

_MINUTE_MS = 60_000
LOOK_BACK_MS: Sequence[int] = (10 * _MINUTE_MS, 60 * _MINUTE_MS, 24 * 60 * _MINUTE_MS)
"""How far before a part effects of its events are looked for; a transform knows a repeat for 24 h."""


class Chains:
    """Matches events with their effects when only a part of the log is audited. Every call blocks.

    The events are those of the raw topic's part, and those whose effects lie in the effect topic's part.
    Their other effects are looked for from the oldest of them on to where the log stands now; those of an
    event that has none there, further back: it may be a repeat. Memory follows the part, not what is read.
    """

    def __init__(self, scanner: Scanner, letters: DeadLetterWatch) -> None:
        self._scanner = scanner
        self._letters = letters

    def read_letters(self, letters: Scan | None, raws: Sequence[Scan]) -> None:
        """Give the watch the dead letters around the part that was read of them."""
        times = [each.oldest_ms for each in raws if each.oldest_ms is not None]
        if letters is not None and times:
            self._scanner.around(letters, min(times), self._letters)

    def match(
        self, chain: Chain, raw: Scan | None, effect: Scan | None, identity: Identity | None
    ) -> Effects:
        """Return how the effects of a chain answer its events."""
        sent = raw.events if raw is not None else Events.none()
        effects = effect.events if effect is not None else Events.none()
        refused = self._letters.hashes
        times = [each.oldest_ms for each in (raw, effect) if each is not None and each.oldest_ms is not None]
        if effect is None or identity is None or not times:
            return match(chain.raw, sent, chain.effect, effects, refused)
        oldest = min(times)
        asked = np.sort(np.concatenate((sent.hashes, effects.hashes)))
        found = Gathering(identity, asked)
        begins = self._scanner.around(effect, oldest, found)
        effects = Events.joined([effects, found.events()])
        before = np.empty(0, np.uint64)
        for reach in LOOK_BACK_MS:
            missing = _without(sent.hashes, (effects.hashes, before, refused))
            if not missing.size:
                break
            older = Gathering(identity, missing)
            begins = self._scanner.before(chain.effect, oldest - reach, begins, older)
            before = np.concatenate((before, older.events().hashes))
        return match(chain.raw, sent, chain.effect, effects, refused, before)


def _without(hashes: Hashes, others: Sequence[Hashes]) -> Hashes:
    """Return, in ascending order, the hashes that are in none of the others."""
    return np.sort(reduce(lambda left, other: left[~among(left, np.sort(other))], others, hashes))
