"""One replay or a chain of them: each hop of a chain is fed by the replay of the hop before it."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from demo.progress import Steps
from local.stack import Stack
from replay.errors import ReplayRefusedError
from replay.kept import Replay, check_namespace, new_namespace
from replay.perform import Request, kept, perform, prepare
from replay.replaced import Files
from replay.targets import Target, target_of
from streamkit.catalogue import Catalogue
from streamkit.topics_apply import Platform

if TYPE_CHECKING:
    from services.lake_sink.config import LakeSettings


def prepare_all(
    stack: Stack, platform: Platform, request: Request, schemas: Path, lake: "LakeSettings | None" = None
) -> list[Replay]:
    """Prepare what was asked for, hop by hop; blocks. Raises as `prepare`.

    The last hop is looked at first: what live's has read of the hop before it is then written there, since
    that one is looked at later.
    """
    names = [name for name in request.what.split(",") if name]
    if len(names) == 1:
        return [prepare(stack, platform, request, schemas, lake)]
    check_chain([target_of(name, Catalogue.load(schemas), ()) for name in names])
    if request.begin or request.end or request.topics:
        raise ReplayRefusedError(
            "a chain is replayed over all that live has done",
            hint="Leave --from, --to and --topic out, or replay its services one by one",
        )
    chain = check_namespace(request.namespace or new_namespace("chain", platform.clock.now_ms()))
    found: list[Replay] = []
    for number in range(len(names), 0, -1):
        name = names[number - 1]
        hop = replace(
            request,
            what=name,
            namespace=f"{chain}-{number}",
            chain=chain,
            fed=f"{chain}-{number - 1}" if number > 1 else "",
            files=request.files if name == names[-1] else Files(),
        )
        found.insert(0, prepare(stack, platform, hop, schemas, lake))
    return found


def perform_all(
    stack: Stack, platform: Platform, replays: list[Replay], steps: Steps, *, lake: bool = False
) -> None:
    """Run prepared replays one after the other; blocks. One of a chain that has finished is not run again."""
    for replay in replays:
        if not (replay.chain and kept(stack).finished(replay.namespace)):
            perform(stack, platform, replay, steps, lake=lake)


def check_chain(targets: list[Target]) -> None:
    """Raise ReplayRefusedError unless each target reads what the one before it writes, and nothing else."""
    for before, after in pairwise(targets):
        if len(after.inputs) != 1 or after.inputs[0] not in before.outputs:
            raise ReplayRefusedError(
                f"{after.name} does not follow {before.name}: it reads {', '.join(after.inputs)}",
                hint="A chain goes along the topics, such as enricher,fraud_scorer",
            )
