"""Pure: which replays may take live's place, which may be taken back, and why others may not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from replay.errors import ReplayRefusedError
from replay.kept import Replay
from replay.targets import Target
from services.lake_sink.lines import Standing, gaps
from streamkit.positions import Positions
from streamkit.replay.plan import ReplayPlan

_WHY = {
    "transform": "what {name} decided has taken effect, and a record is never replaced",
    "window": "the rows of a window are written by Flink's own commits, which no replay can take over",
}
_HINT = {
    "transform": "`kapstan compare` shows what the replay decides otherwise; send what has to be put right "
    "as events of a topic of their own",
    "window": "To compute {name} anew: `kapstan windows stop {name}`, drop its tables and "
    "`kapstan windows apply {name}`",
}


def check_kind(target: Target) -> None:
    """Raise ReplayRefusedError unless replays of the target may be promoted."""
    if target.kind == "lake":
        return
    name, kind = target.name, target.kind
    raise ReplayRefusedError(
        f"a replay of {name} is not promoted: {_WHY[kind].format(name=name)}",
        hint=_HINT[kind].format(name=name),
    )


def check_asked(target: Target, plan: ReplayPlan) -> None:
    """Raise ReplayRefusedError unless what is about to be replayed may be promoted one day."""
    check_kind(target)
    later = [tp for tp, start in plan.starts.items() if start > 0]
    if later:
        tp = min(later)
        raise ReplayRefusedError(
            f"it would begin at offset {plan.starts[tp]} of {tp.topic}/{tp.partition}, and then lack rows "
            "that live's table has",
            hint="Leave --from out; topics whose first records Kafka has deleted cannot be replayed whole. "
            "Without --promotable the rest is replayed into a table of its own, to compare it",
        )


def only_filled(target: Target, plan: ReplayPlan) -> tuple[Target, ReplayPlan]:
    """Return target and plan without the topics that hold nothing: live's tables of these have no rows."""
    filled = sorted({tp.topic for tp, end in plan.ends.items() if end > plan.starts.get(tp, 0)})
    mine = [tp for tp in plan.ends if tp.topic in filled]
    target = replace(target, inputs=tuple(filled))
    return target, replace(plan, starts=plan.starts.only(mine), ends=plan.ends.only(mine))


def check_promotable(replay: Replay) -> None:
    """Raise ReplayRefusedError unless a replay was made to be promoted."""
    check_kind(replay.target)
    if not replay.promotable:
        raise ReplayRefusedError(
            f"{replay.namespace} wrote to tables of its own, and a table's rows cannot become another's",
            hint="Replay again with --promotable: that writes to branches of live's tables",
        )


def to_promote(replay: Replay, standings: Mapping[str, Standing], *, finished: bool) -> list[str]:
    """Return the topics whose tables are to be promoted: those that an earlier call has not come to.

    Args:
        replay: the replay.
        standings: by topic, how it stands in the topic's table.
        finished: whether it has come to its end.

    Raises:
        ReplayRefusedError: it has nothing to promote, or has not come to its end.
    """
    left = [topic for topic, standing in standings.items() if standing is not Standing.PROMOTED]
    if not left:
        raise refusal(Standing.PROMOTED, replay, sorted(standings))
    if gone := sorted(topic for topic in left if standings[topic] is Standing.GONE):
        raise refusal(Standing.GONE, replay, gone)
    if not finished:
        raise ReplayRefusedError(
            f"the replay {replay.namespace} has not come to its end",
            hint=f"`kapstan replay {replay.target.name} --namespace {replay.namespace}` goes on with it",
        )
    return left


def to_roll_back(replay: Replay, standings: Mapping[str, Standing]) -> list[str]:
    """Return the topics whose tables are to be rolled back; raises ReplayRefusedError when there is none."""
    promoted = [topic for topic, standing in standings.items() if standing is Standing.PROMOTED]
    if not promoted:
        raise refusal(next(iter(standings.values())), replay, sorted(standings))
    return promoted


def check_log(topic: str, before: Positions, oldest: Positions) -> None:
    """Raise ReplayRefusedError when Kafka has no more what live would have to read again.

    Args:
        topic: whose table is to be rolled back.
        before: where main stood before the promotion.
        oldest: the first offset that Kafka has of each partition, with the topic's id.
    """
    if missing := gaps(before, oldest):
        tp, (stands, first) = min(missing.items())
        raise ReplayRefusedError(
            f"the table of {topic} would go back to offset {stands} of partition {tp.partition}; Kafka's "
            f"first record is {first}, and those between are in the promoted rows alone",
            hint="The table stays as it is. A later replay with --promotable can take its place",
        )


def refusal(standing: Standing, replay: Replay, topics: Sequence[str]) -> ReplayRefusedError:
    """Return why the tables of some topics stay as they are."""
    name, of = replay.namespace, ", ".join(topics)
    again = f"`kapstan replay {replay.target.name} --namespace {name}`"
    why, hint = {
        Standing.PROMOTED: (
            f"{name} is live already",
            f"`kapstan replay rollback {name}` takes it back",
        ),
        Standing.NOT_PROMOTED: (
            f"{name} was not promoted, or was taken back",
            f"`kapstan replay promote {name}` promotes it",
        ),
        Standing.GONE: (
            f"the table of {of} has nothing of {name}: it was dropped and made again since",
            f"{again} writes to the new one",
        ),
        Standing.EMPTY: (
            f"live's table of {of} has no rows yet, so there is nothing to replace",
            "Start lake_sink, or let it go on, and promote then",
        ),
        Standing.BEHIND: (
            f"{name} has not caught up with live in {of}",
            "Try again with a longer --wait, or when less is going on",
        ),
        Standing.LATER: (
            f"another replay was promoted after {name} in {of}",
            "Roll that one back first: `kapstan replay list` shows it",
        ),
    }[standing]
    return ReplayRefusedError(why, hint=hint)
