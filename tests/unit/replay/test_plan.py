from dataclasses import replace

import pytest

from replay.bounds import Bound
from replay.errors import ReplayRefusedError
from replay.plan import Facts, plan_of
from replay.targets import Target
from streamkit.positions import Positions
from streamkit.records import TopicPartition

A, B = TopicPartition("in", 0), TopicPartition("in", 1)
OUT = TopicPartition("out", 0)
TRANSFORM = Target("enricher", "transform", ("in",), ("out",))
LAKE = Target("lake_sink", "lake", ("in",))
WINDOW = Target("fraud_rate", "window", ("in",))
FACTS = Facts(
    starts=Positions({A: 0, B: 0}),
    ends=Positions({A: 100, B: 50}, {"in": "id"}),
    live=Positions({A: 90, B: 60}),
    outputs=Positions({OUT: 0}),
    at=lambda time_ms: Positions({A: time_ms, B: time_ms}),
)


def plan(target=TRANSFORM, begin=None, end=None, facts=FACTS, sides="recorded"):
    return plan_of(target, begin, end, facts, sides)


def test_without_bounds_all_is_replayed_that_live_has_done():
    made = plan()
    assert made.starts == Positions({A: 0, B: 0})
    assert made.ends == Positions({A: 90, B: 50}, {"in": "id"})
    assert (made.service, made.outputs, made.sides, made.inputs) == (
        "enricher",
        ("out",),
        "recorded",
        ("in",),
    )


def test_one_offset_is_cut_where_a_partition_is_shorter():
    made = plan(begin=Bound(offset=60), end=Bound(offset=80))
    assert made.starts == Positions({A: 60, B: 50})
    assert dict(made.ends) == {A: 80, B: 50}


def test_a_time_is_looked_up_and_may_lie_ahead():
    made = plan(begin=Bound(time_ms=10), end=Bound(time_ms=10**15))
    assert made.starts == Positions({A: 10, B: 10})
    assert dict(made.ends) == {A: 90, B: 50}


def test_the_end_never_lies_before_the_beginning():
    made = plan(begin=Bound(offsets=((0, 10), (1, 40))), end=Bound(offset=30))
    assert (made.starts[B], made.ends[B]) == (40, 40)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"end": Bound(offsets=((0, 95),))}, "--to lies beyond what live has done: in 0:90"),
        ({"begin": Bound(offsets=((0, 95),))}, "--from lies beyond what live has done: in 0:90"),
        ({"begin": Bound(offset=90), "end": Bound(offset=90)}, "nothing between --from and --to"),
        ({"facts": replace(FACTS, live=Positions())}, "enricher has come to in 0:0,1:0"),
        ({"facts": replace(FACTS, starts=Positions({A: 3, B: 0}))}, "keyed state of enricher .* at in 0:3"),
        ({"facts": replace(FACTS, outputs=Positions({OUT: 4}))}, "partly deleted.* out 0:4"),
        (
            {"target": WINDOW, "facts": replace(FACTS, starts=Positions({A: 3, B: 0}))},
            "running maxima and open windows",
        ),
        ({"target": WINDOW, "begin": Bound(offset=3)}, "Give --from a time"),
        (
            {
                "target": LAKE,
                "begin": Bound(offset=2),
                "facts": replace(FACTS, starts=Positions({A: 3, B: 0})),
            },
            "no longer in Kafka; the oldest are at in 0:3",
        ),
    ],
)
def test_what_would_not_be_exact_is_refused(changes, says):
    with pytest.raises(ReplayRefusedError, match=says):
        plan(**changes)


def test_with_the_latest_side_inputs_it_does_not_matter_what_live_noted():
    assert plan(facts=replace(FACTS, outputs=Positions({OUT: 4})), sides="latest").sides == "latest"


def test_the_lake_begins_with_the_oldest_record_that_is_left():
    made = plan(LAKE, facts=replace(FACTS, starts=Positions({A: 3, B: 0}), live=None))
    assert made.starts == Positions({A: 3, B: 0})
    assert dict(made.ends) == {A: 100, B: 50}


def test_a_window_reads_from_the_first_record_whatever_rows_are_asked_for():
    made = plan(WINDOW, begin=Bound(time_ms=40), facts=replace(FACTS, live=None))
    assert made.starts == Positions({A: 0, B: 0})


def test_a_service_that_took_records_back_is_replayed_only_without_them():
    retry = TopicPartition("enricher.in.retry", 1)
    facts = replace(FACTS, retries=Positions({retry: 2}))
    with pytest.raises(ReplayRefusedError, match=r"enricher\.in\.retry.*does not follow from its input"):
        plan(facts=facts)
    assert plan(facts=facts, sides="latest")
    assert plan(facts=replace(FACTS, retries=Positions({retry: 0})))
