"""One replay, as `kapstan replay` performs it, with what its process took."""

import resource
import time

from benchmarks.replay.cost import Clocked, Cost
from cli.connection import SCHEMAS
from demo.progress import Steps
from local.stack import Stack
from replay.chain import prepare_all
from replay.holdings import drop
from replay.kept import Replay
from replay.perform import Request, kept, perform
from services.lake_sink.catalog import open_catalog
from services.lake_sink.config import LakeSettings
from streamkit.topics_apply import Platform


def replayed(
    stack: Stack, platform: Platform, request: Request, steps: Steps, records: int
) -> tuple[list[Replay], list[Cost]]:
    """Replay what is asked for, hop by hop, from Kafka; return the replays, and what each of them took.

    Blocks. `records` are in the input of each. CPU time is that of the replays' own processes.
    """
    hops = prepare_all(stack, platform, request, SCHEMAS)
    costs = []
    for hop in hops:
        clocked, before = Clocked(steps), _children_s()
        begun = time.monotonic()
        perform(stack, platform, hop, clocked)
        seconds = time.monotonic() - begun
        costs.append(Cost(records, seconds, _children_s() - before, clocked.steady(records)))
    return hops, costs


def dropped(stack: Stack, platform: Platform, hops: list[Replay], lake: LakeSettings) -> None:
    """Delete what replays have written; the next ones shall find as little in memory and on disk."""
    for hop in hops:
        catalog = open_catalog(lake) if hop.target.kind == "lake" else None
        drop(hop, kept(stack), platform.admin, catalog, platform.clock)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
