"""Pure: what befalls which part and when, drawn from a seed."""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tests.faults.stages import CORE, stage_of

SECONDS_OF_FAULTS = 6.0
"""Steps begin within so many seconds of live traffic."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of faults as a schedule may draw it.

    Attributes:
        name: what the family is called, on the command line and in results.
        choices: victim -> the variants of the fault that it knows; one without variants has ("",).
        lasts_s: shortest and longest time from the fault to its end.
        longer_s: the same for victims that take it longer than the others.
        overlaps: whether other faults may be in force while it begins and ends; one that waits for the
            stage to answer would wait for their end.
        alone: whether a schedule with it has no other step.
        spends: whether nothing can be compared on its stage afterwards; such a fault is alone.
        weight: how often it is drawn, against the others'.
    """

    name: str
    choices: Mapping[str, tuple[str, ...]]
    lasts_s: tuple[float, float] = (0.0, 0.0)
    longer_s: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    overlaps: bool = False
    alone: bool = False
    spends: bool = False
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """One fault: at `at_s` seconds after traffic flows, for `for_s` seconds."""

    at_s: float
    kind: str
    victim: str
    variant: str = ""
    for_s: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.for_s:g} s" if self.for_s else ""
        variant = f" {self.variant}" if self.variant else ""
        return f"{self.kind} {self.victim}{variant} at {self.at_s:g} s{lasting}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps of one seed, in order of time."""

    seed: int
    steps: tuple[Step, ...]

    @property
    def kinds(self) -> frozenset[str]:
        """The families it draws from."""
        return frozenset(step.kind for step in self.steps)

    @property
    def stage(self) -> str:
        """The kind of stage that has all its victims."""
        return stage_of(step.victim for step in self.steps) or CORE

    @property
    def single_kill(self) -> bool:
        """Whether it is one kill of one part: only then is a time promised in which decisions resume."""
        return len(self.steps) == 1 and self.steps[0].kind == "kill"

    def to_json(self) -> list[dict[str, Any]]:
        """Return the steps as JSON data."""
        return [asdict(step) for step in self.steps]


def draw(seed: int, kinds: Sequence[Kind]) -> Schedule:
    """Return the schedule of a seed: always the same for the same kinds.

    One to three steps, each on another victim of one stage; one after the other unless all of them may
    overlap. A family or a variant that is added later takes some seeds over and leaves the others as they
    were.
    """
    count = random.Random(seed).choices((1, 2, 3), (6, 3, 1))[0]
    steps: list[Step] = []
    apart = False
    tries = 0
    while len(steps) < count:
        tries += 1
        salt = f"{seed}/{tries}"
        kind = {each.name: each for each in kinds}[_pick({each.name: each.weight for each in kinds}, salt)]
        step = _step(kind, f"{salt}/{kind.name}")
        if kind.alone:
            return Schedule(seed, (step,))
        victims = {each.victim for each in steps}
        if step.victim not in victims and stage_of({*victims, step.victim}) is not None:
            steps.append(step)
            apart = apart or not kind.overlaps
    steps.sort(key=lambda each: (each.at_s, each.victim))
    return Schedule(seed, tuple(_apart(steps) if apart else steps))


def _pick(weights: Mapping[str, float], salt: str) -> str:
    """Draw a name, as often as its weight says; whether one name beats another depends on these two only.

    Weighted rendezvous: each name draws for itself, and the greatest u ** (1 / weight) wins.
    """
    return max(weights, key=lambda name: _uniform(f"{salt}/{name}") ** (1 / weights[name]))


def _uniform(salt: str) -> float:
    """A number in [0, 1) that stands for a text."""
    return int.from_bytes(hashlib.blake2b(salt.encode(), digest_size=8).digest(), "big") / 2**64


def _step(kind: Kind, salt: str) -> Step:
    victim = _pick(dict.fromkeys(kind.choices, 1.0), salt)
    variant = _pick(dict.fromkeys(kind.choices[victim], 1.0), f"{salt}/{victim}")
    rng = random.Random(salt)
    at_s, for_s = rng.uniform(0.5, SECONDS_OF_FAULTS), rng.uniform(*kind.longer_s.get(victim, kind.lasts_s))
    return Step(round(at_s, 1), kind.name, victim, variant, round(for_s, 1))


def _apart(steps: Sequence[Step]) -> Iterator[Step]:
    """Yield the steps, none before the one before it has ended."""
    ended = 0.0
    for step in steps:
        moved = replace(step, at_s=round(max(step.at_s, ended), 1))
        ended = moved.at_s + moved.for_s
        yield moved


def schedules(first: int, kinds: Sequence[Kind], only: frozenset[str] = frozenset()) -> Iterator[Schedule]:
    """Yield the schedules from seed `first` on, without end.

    With `only`, those that draw from no other kinds: a seed means the same schedule with it and without.
    """
    seed = first
    while True:
        schedule = draw(seed, kinds)
        if not only or schedule.kinds <= only:
            yield schedule
        seed += 1


@dataclass(frozen=True, slots=True)
class Moment:
    """A step's beginning or end on the clock of its schedule."""

    at_s: float
    step: int
    begins: bool


def moments(schedule: Schedule) -> list[Moment]:
    """Return when each step begins and ends, in the order in which that is to be done."""
    found = [Moment(step.at_s, number, begins=True) for number, step in enumerate(schedule.steps)]
    found += [Moment(s.at_s + s.for_s, number, begins=False) for number, s in enumerate(schedule.steps)]
    # At one moment, what lasted ends before the next begins; what takes no time begins before it ends.
    return sorted(found, key=lambda moment: (moment.at_s, moment.step, not moment.begins))
