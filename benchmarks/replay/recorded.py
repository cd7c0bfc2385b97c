"""As recorded, at length: decisions made live while everything changes, then made again and compared."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.replay.changes import Changes
from benchmarks.replay.live import HOPS, DecisionPath, Worker, running
from benchmarks.replay.log import Log
from benchmarks.replay.measure import replayed
from cli.connection import SCHEMAS
from demo.progress import Steps
from local.stack import Stack
from replay.compare import Compared
from replay.pairs import Comparison
from replay.perform import Request
from replay.report import agrees, lines
from streamkit.headers import SIDE, find, is_heartbeat
from streamkit.read import read_to_end

DECISIONS: Final = "payments.decisions.v1"
AHEAD: Final = 10_000
"""Transactions that wait for the enricher at most: changes come while it works, not all before."""

KILLS: Final = 12
# At these shares of the log a second worker of each service comes, and goes: 1 -> 2 -> 1, twice.
COMES, GOES = (0.2, 0.7), (0.5, 0.9)


@dataclass(slots=True)
class Done:
    """What was done live."""

    seconds: float = 0.0
    kills: int = 0
    rebalances: int = 0
    changes: int = 0


class Disturbance:
    """Kills and second workers, at fixed shares of the log."""

    def __init__(self, path: DecisionPath, done: Done) -> None:
        """Take the workers that run, and where to count."""
        self._path = path
        self._done = done
        self._seconds: list[Worker] = []
        self._due: list[tuple[float, str]] = sorted(
            [((n + 1) / (KILLS + 1), "kill") for n in range(KILLS)]
            + [(share, "come") for share in COMES]
            + [(share, "go") for share in GOES]
        )

    def at(self, share: float) -> None:
        """Do what is due when this share of the log stands; blocks while a worker ends in order."""
        while self._due and self._due[0][0] <= share:
            _, what = self._due.pop(0)
            if what == "kill":
                victim = self._path.workers[self._done.kills % len(self._path.workers)]
                victim.kill()
                victim.start()
                self._done.kills += 1
            elif what == "come":
                self._seconds = self._path.second()
                self._done.rebalances += 1
            else:
                self._go()
                self._done.rebalances += 1

    def _go(self) -> None:
        """End one second worker in order, and kill the other."""
        orderly, other = self._seconds
        orderly.stop()
        other.kill()
        self._path.workers = [each for each in self._path.workers if each not in self._seconds]


def live(stack: Stack, log: Log, transactions: int, seed: int, steps: Steps) -> Done:
    """Have the services decide on so many transactions at full speed, disturbed all the while; blocks."""
    done = Done()
    log.begin()
    changes = Changes(log, seed)
    begun = time.monotonic()
    with running(stack, log.platform.admin) as path, steps.step("Deciding live") as bar:
        disturbance = Disturbance(path, done)
        for number, written in enumerate(log.pieces(max(200, transactions // 1000))):
            changes.make(number)
            path.wait(AHEAD, HOPS[:1], lambda _: None)
            disturbance.at(written / transactions)
            bar(0.99 * written / transactions, f"{written:,} transactions, {done.kills} kills")
        for hop in HOPS:  # the second is not at its end before the first is
            path.wait(0, [hop], lambda left: bar(0.99, f"{left:,} records behind"))
    done.seconds, done.changes = time.monotonic() - begun, changes.made
    return done


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found; `lines` show the first records that differ."""

    figures: Mapping[str, float]
    equal: bool
    lines: Sequence[str]


def prove(stack: Stack, log: Log, transactions: int, seed: int, steps: Steps) -> Proof:
    """Decide live, make the chain of both decide again as recorded, and compare both hops; blocks."""
    done = live(stack, log, transactions, seed, steps)
    request = Request(",".join(service for service, _ in HOPS))
    hops, costs = replayed(stack, log.platform, request, steps, transactions)
    begun = time.monotonic()
    found: list[Compared] = []
    shown: list[str] = []
    for hop in hops:
        here = Comparison(hop, log.platform, SCHEMAS, None, 0).run(steps, show=3)
        found += here
        shown += [] if agrees(here) else lines(hop, here, ())
    figures: dict[str, float] = {
        "transactions": transactions,
        "live_per_s": round(transactions / done.seconds),
        "kills": done.kills,
        "rebalances": done.rebalances,
        "side_changes": done.changes,
        "side_vectors": _vectors(log),
        "replay_seconds": round(sum(cost.seconds for cost in costs), 1),
        "replay_cpu_s": round(sum(cost.cpu_s for cost in costs), 1),
        "compare_seconds": round(time.monotonic() - begun, 1),
    }
    return Proof(figures | _counts(found), agrees(found), shown)


def _counts(found: Sequence[Compared]) -> dict[str, float]:
    """Return by topic what was compared; both hops write dead letters."""
    counts: Counter[str] = Counter()
    for each in found:
        counts[f"{each.name} live"] += each.live
        counts[f"{each.name} replayed"] += each.replayed
        counts[f"{each.name} differing"] += each.differing
        counts[f"{each.name} missing"] += each.missing
        counts[f"{each.name} extra"] += each.extra
    return dict(counts)


def _vectors(log: Log) -> int:
    """Count at how many different positions of the side inputs decisions were made."""
    records = read_to_end(log.platform.broker, DECISIONS)
    return len({find(record.headers, SIDE) for record in records if not is_heartbeat(record.headers)})
