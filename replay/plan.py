"""Pure: from what was asked and what there is to the span of a replay, or to the reason why not."""

from dataclasses import dataclass, field

from replay.bounds import Bound, OffsetsAt, positions_of
from replay.errors import ReplayRefusedError
from replay.targets import Target
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.replay.plan import ReplayPlan, Sides

_START_LAKE = "Start the lake (`kapstan up --only lake_sink`) if bronze has"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the broker says, with the topics' ids in `ends`.

    Attributes:
        starts: the first offset that each input partition still has.
        ends: where each ends.
        live: how far live has come; None where that is not asked (a sink's and a window's result say so).
        outputs: the first offset that each partition of a transform's outputs still has.
        at: offsets by ingest time.
        retries: where the retry topics of a transform's inputs end.
    """

    starts: Positions
    ends: Positions
    live: Positions | None
    outputs: Positions
    at: OffsetsAt
    retries: Positions = field(default_factory=Positions)


def plan_of(target: Target, begin: Bound | None, end: Bound | None, facts: Facts, sides: Sides) -> ReplayPlan:
    """Return the plan of a replay.

    Without `begin` it begins with the oldest record, without `end` where live stands now.

    Raises:
        ReplayRefusedError: the span is empty, lies beyond what is there or what live has done, or the
            state that live had at its beginning cannot be made again.
    """
    if target.kind == "window":
        _check_window_begin(begin)
        begin = None
    if sides != "recorded" and target.kind != "transform":
        raise ReplayRefusedError(f"{target.name} has no side inputs", hint="Leave --sides out")
    partitions = sorted(facts.ends)
    newest = facts.ends if facts.live is None else facts.live
    newest = Positions({tp: min(newest.get(tp, 0), facts.ends[tp]) for tp in partitions})
    starts = facts.starts if begin is None else positions_of(begin, partitions, facts.at, facts.starts)
    ends = newest if end is None else positions_of(end, partitions, facts.at, newest)
    for option, bound, asked in (("--from", begin, starts), ("--to", end, ends)):
        _check_reached(option, bound, asked, newest)
    # A time may lie ahead, and one offset for all may lie beyond shorter partitions.
    ends = Positions({tp: min(ends[tp], newest[tp]) for tp in ends})
    ends = Positions({tp: max(ends[tp], min(starts[tp], newest[tp])) for tp in partitions})
    starts = Positions({tp: min(starts[tp], ends[tp]) for tp in partitions})
    if all(starts[tp] == ends[tp] for tp in partitions):
        raise ReplayRefusedError(
            "there is nothing between --from and --to",
            hint=f"{target.name} has come to {_places(newest)}; the oldest records are at "
            f"{_places(facts.starts)}",
        )
    _check_kept(target, starts, facts, sides)
    return ReplayPlan(target.name, starts, ends.with_ids(facts.ends.topic_ids), target.outputs, sides)


def _check_window_begin(begin: Bound | None) -> None:
    # A window job reads from the first record on; --from only says which rows are compared.
    if begin is not None and begin.time_ms is None:
        raise ReplayRefusedError(
            "a window's rows do not begin at an offset: each is made of records from many places",
            hint="Give --from a time: windows that end after it are compared",
        )


def _check_reached(option: str, bound: Bound | None, asked: Positions, newest: Positions) -> None:
    """Refuse offsets of partitions that live has not come to."""
    if bound is not None and bound.offsets and (far := [tp for tp in asked if asked[tp] > newest[tp]]):
        raise ReplayRefusedError(
            f"{option} lies beyond what live has done: {_places(newest.only(far))}",
            hint=f"Wait until it has come so far, or give a smaller {option}",
        )


def _check_kept(target: Target, starts: Positions, facts: Facts, sides: Sides) -> None:
    cut = [tp for tp in starts if facts.starts[tp] > 0]
    if target.kind == "lake":
        if gone := [tp for tp in starts if starts[tp] < facts.starts[tp]]:
            raise ReplayRefusedError(
                f"records from --from on are no longer in Kafka; the oldest are at "
                f"{_places(facts.starts.only(gone))}",
                hint="Give a later --from; bronze itself still has the records before it",
            )
        return
    if cut:
        what = "running maxima and open windows" if target.kind == "window" else "keyed state"
        raise ReplayRefusedError(
            f"the {what} of {target.name} at --from follow from records that are no longer in Kafka; the "
            f"oldest are at {_places(facts.starts.only(cut))}",
            hint="An exact replay needs the topic from its first record. "
            f"{_START_LAKE} what is older. Otherwise give it a longer retention in its catalogue file",
        )
    redriven = sorted(tp for tp, end in facts.retries.items() if end > 0)
    if sides == "recorded" and redriven:
        raise ReplayRefusedError(
            f"records went back to {target.name} from the dead letters ({redriven[0].topic}), and between "
            "which others it took them in does not follow from its input alone",
            hint="`--sides latest` replays without them; the result then differs from live by what they did",
        )
    short = [tp for tp, first in facts.outputs.items() if first > 0]
    if sides == "recorded" and short:
        raise ReplayRefusedError(
            f"what {target.name} noted about its side inputs is partly deleted; the oldest records are "
            f"at {_places(facts.outputs.only(short))}",
            hint=f"{_START_LAKE} them. `--sides latest` replays with what the side inputs say now; the "
            "result then differs from live wherever they have changed",
        )


def _places(positions: Positions) -> str:
    by_topic: dict[str, list[tuple[TopicPartition, int]]] = {}
    for tp, offset in sorted(positions.items()):
        by_topic.setdefault(tp.topic, []).append((tp, offset))
    return "; ".join(
        f"{topic} " + ",".join(f"{tp.partition}:{offset}" for tp, offset in each)
        for topic, each in by_topic.items()
    )
