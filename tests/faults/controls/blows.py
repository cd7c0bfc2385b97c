"""Pure: what befalls a sink in a schedule of the controls, and how soon it commits again."""

import random
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

KILL, LOST, CUT = "kill", "answer lost", "answer lost and killed"
WHAT = (KILL, LOST, CUT)
BETWEEN_S = (10.0, 16.0)


class Blow(NamedTuple):
    """One: what, and how long after the one before."""

    after_s: float
    what: str


def draw_blows(seed: int, seconds: float) -> list[Blow]:
    """Return the blows that fit into `seconds`, each kind as often as the others; the same for a seed."""
    chance = random.Random(seed)
    blows: list[Blow] = []
    bag: list[str] = []
    passed = 0.0
    while (passed := passed + (after := chance.uniform(*BETWEEN_S))) < seconds:
        bag = bag or chance.sample(WHAT, len(WHAT))
        blows.append(Blow(after, bag.pop()))
    return blows


def waits(ended_ms: Iterable[int], commits_ms: Iterable[int]) -> list[float | None]:
    """Return how many seconds after the end of each blow a commit was made; None when none was any more."""
    commits = sorted(commits_ms)
    found: list[float | None] = []
    for end in ended_ms:
        after = next((commit for commit in commits if commit > end), None)
        found.append(None if after is None else (after - end) / 1000)
    return found


def told(seconds: Sequence[float | None]) -> str:
    """Return median and worst of how long it took, for people."""
    known = [each for each in seconds if each is not None]
    never = len(seconds) - len(known)
    text = f"{median(known):.1f} s, {max(known):.1f} s at worst" if known else "never"
    return f"{text}, {never} times never" if known and never else text
