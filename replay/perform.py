"""Performs a replay: plan, topics, then the service or window job itself, with its progress shown."""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from demo.progress import Steps
from flink_jobs.windows.errors import WindowsError
from flink_jobs.windows.load import load as load_windows
from local import windows
from local.components import components
from local.errors import RuntimeProblem
from local.places import repository
from local.probe import http_missing
from local.stack import Stack
from local.supervisord import MARK
from replay.bounds import parse_bound
from replay.errors import ReplayRefusedError
from replay.kept import Kept, Replay, check_namespace, new_namespace
from replay.past import past_of, with_past
from replay.plan import plan_of
from replay.prepare import check_unused, existing, facts_of, make_topics
from replay.process import run
from replay.promotable import check_asked, only_filled
from replay.replaced import Files, check_reads, publish, replaced
from replay.seam import check_kept, seam_of
from replay.targets import target_of
from replay.watch import Watch
from services.lake_sink.lines import replay_branch
from streamkit.catalogue import Catalogue
from streamkit.positions import Positions
from streamkit.replay.plan import Sides
from streamkit.topics_apply import Platform

if TYPE_CHECKING:
    from services.lake_sink.config import LakeSettings

_LAKE = "lake_sink"


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for; see the options of `kapstan replay`.

    `chain` and `fed` are the namespaces of the whole chain and of the hop before, for a hop of a chain;
    `promotable` asks for branches of live's tables.
    """

    what: str
    begin: str | None = None
    end: str | None = None
    topics: tuple[str, ...] = ()
    sides: Sides = "recorded"
    namespace: str | None = None
    files: Files = field(default_factory=Files)
    chain: str = ""
    fed: str = ""
    promotable: bool = False


def kept(stack: Stack) -> Kept:
    """Return the replays of a stack."""
    return Kept(stack.home / "data" / "replay")


def prepare(
    stack: Stack, platform: Platform, request: Request, schemas: Path, lake: "LakeSettings | None" = None
) -> Replay:
    """Decide what is replayed, write it down and make its topics; blocks.

    A namespace that is there already goes on with its own plan, after a kill for example. With a lake, the
    topics of a transform or a window begin where bronze does.

    Raises:
        ReplayRefusedError: it cannot be exact, or makes no sense.
        RetryableError: Kafka is away.
    """
    catalogue, replays = Catalogue.load(schemas), kept(stack)
    target = target_of(request.what, catalogue, _windows(schemas), request.topics)
    now_ms = platform.clock.now_ms()
    namespace = check_namespace(request.namespace or new_namespace(target.name, now_ms))
    if namespace in replays:
        resumed = _resumed(replays.find(namespace), request)
        _make(resumed, platform, lake)
        return resumed
    check_reads(target, request.files)
    values = request.files.values(now_ms)
    check_unused(target, namespace, platform.admin)
    target = existing(target, platform.admin)
    begin, end = (parse_bound(text) if text else None for text in (request.begin, request.end))
    reading = with_past(platform, lake) if target.kind != "lake" else platform
    plan = plan_of(target, begin, end, facts_of(target, reading.admin), request.sides)
    plan = replace(plan, replaced=replaced(namespace, values), fed=request.fed)
    if request.promotable:
        check_asked(target, plan)
        _needed(lake)
        target, plan = only_filled(target, plan)
    if target.kind == "window" and lake is not None:
        past = past_of(lake, platform.registry, platform.admin)
        plan = replace(plan, seam=seam_of(plan.ends, platform.admin, past))
    since_ms = begin.time_ms if begin is not None and target.kind == "window" else None
    replay = Replay(namespace, target, plan, now_ms, since_ms, request.chain, request.promotable)
    # A replay that is known is gone on with: its files have to be in place before.
    publish(platform, catalogue, namespace, values)
    replays.keep(replay)
    _make(replay, platform, lake)
    return replay


def _make(replay: Replay, platform: Platform, lake: "LakeSettings | None") -> None:
    """Make the topics or branches that a replay writes; what is there already is left alone."""
    make_topics(replay.target, replay.namespace, platform.admin)
    if not replay.promotable:
        return
    from replay.branches import Branches
    from services.lake_sink.catalog import open_catalog

    Branches(replay, open_catalog(_needed(lake)), platform.clock).begin()


def _needed(lake: "LakeSettings | None") -> "LakeSettings":
    if lake is None:
        raise RuntimeProblem(
            "lake",
            "a replay that may be promoted writes to live's tables, and the lake does not answer",
            remedy="start it: `kapstan up --only lake_sink`",
        )
    return lake


def perform(stack: Stack, platform: Platform, replay: Replay, steps: Steps, *, lake: bool = False) -> None:
    """Run a prepared replay to its end; blocks. With `lake` it reads from bronze what Kafka has no more.

    Raises:
        RuntimeProblem: it failed.
        ReplayRefusedError: another process works on it.
    """
    replays, window = kept(stack), replay.target.kind == "window"
    if window:
        check_kept(replay.plan, platform.admin)
    with replays.running(replay.namespace), steps.step(f"Replaying {replay.target.name}") as bar:
        watch = Watch(platform.admin, replay, bar)
        resume = _resume(replay)
        command = command_of(stack, replay, lake=lake)
        run(*command, stack.logs / f"replay-{replay.namespace}.log", watch, resume)
    if window:
        check_kept(replay.plan, platform.admin)
    if replay.target.kind == "transform" and not watch.reached():
        raise RuntimeProblem("replay", "it was stopped before its end", remedy=resume)
    replays.finish(replay.namespace)


def _resume(replay: Replay) -> str:
    """Return in words how to go on after an interruption."""
    if replay.chain:
        return f"the same `kapstan replay` with --namespace {replay.chain} goes on from there"
    again = f"`kapstan replay {replay.target.name}"
    if replay.target.kind == "window":
        return f"{again}` computes the window once more, in a namespace of its own"
    return f"{again} --namespace {replay.namespace}` goes on from there"


def _windows(schemas: Path) -> Iterable[tuple[str, str]]:
    try:
        return [(name, window.declaration.topic) for name, window in load_windows(schemas).items()]
    except WindowsError as error:
        raise ReplayRefusedError(str(error)) from error


def _resumed(found: Replay, request: Request) -> Replay:
    other = found.target.name != request.what or (request.promotable and not found.promotable)
    if other or request.begin or request.end or request.topics or request.files:
        raise ReplayRefusedError(
            f"the namespace {found.namespace} holds a replay of {found.target.name} already",
            hint="Give another --namespace; or, to go on with that one, no --from, --to and --topic",
        )
    return found


def command_of(
    stack: Stack, replay: Replay, *, lake: bool, plan: Path | None = None
) -> tuple[list[str], dict[str, str]]:
    """Return the command that runs a replay's service or window job, and its variables.

    With `lake` a transform reads from bronze what Kafka has no more; `plan` is another plan's file than the
    replay's own. Raises RuntimeProblem when a window is to be computed and Flink does not run.
    """
    environ = {"PYTHONPATH": str(repository()), MARK: str(stack.home)}
    name = replay.target.name
    if replay.target.kind == "window":
        _check_flink(stack)
        ends, seam = replay.plan.ends, replay.plan.seam
        command = [*windows.python(), "replay", name, "--stop", _offsets(ends)]
        if seam:
            (topic_id,) = ends.topic_ids.values()
            command += ["--bronze-of", topic_id, "--seam", _offsets(seam)]
        return command, windows.settings(stack, replay.namespace) | environ
    component, folder = components()[name], kept(stack).folder(replay.namespace)
    command, addresses = component.command(stack), component.environment(stack)
    if replay.target.kind == "transform":
        command = [sys.executable, "-P", "-m", "replay.service", name]
        addresses = (components()[_LAKE].environment(stack) if lake else {}) | addresses
    # A cluster that the user's environment names wins over the local stack, as in every command.
    theirs = {key: value for key, value in os.environ.items() if key.startswith("KAPSTAN_")}
    mine = {
        "KAPSTAN_MODE": "replay",
        "KAPSTAN_NAMESPACE": replay.namespace,
        "KAPSTAN_REPLAY_PLAN": str(plan or kept(stack).plan_file(replay.namespace)),
        "KAPSTAN_STATE_DIR": str(folder / "state"),
        "KAPSTAN_HTTP_PORT": "0",
    }
    if replay.promotable:
        mine["KAPSTAN_LAKE_BRANCH"] = replay_branch(replay.namespace)
    return command, addresses | theirs | mine | environ


def _offsets(positions: Positions) -> str:
    return ",".join(f"{tp.partition}:{offset}" for tp, offset in sorted(positions.items()))


def _check_flink(stack: Stack) -> None:
    if missing := http_missing(stack.port("flink.rest"), "/overview"):
        raise RuntimeProblem(
            "flink",
            f"a window is replayed by Flink: {missing}",
            remedy="start it: `kapstan up --only windows`",
        )
