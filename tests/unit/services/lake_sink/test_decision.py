import pytest

from services.lake_sink.decision import Answer, Claim, Head, Verdict, judge, settled
from streamkit.errors import StopError
from streamkit.positions import Positions


def positions(topic_id="id", **next_offsets):
    return Positions.of(
        {("t", int(name[1:])): offset for name, offset in next_offsets.items()}, {"t": topic_id}
    )


def claim(base, reached, commit_id="mine"):
    return Claim("table", commit_id, base, reached)


def head(stands, *commit_ids, table="table"):
    return Head(table, stands, frozenset(commit_ids))


NOTHING = Positions()


@pytest.mark.parametrize(
    ("made", "stands", "verdict"),
    [
        (claim(NOTHING, positions(p0=5)), head(NOTHING), Verdict.APPEND),
        (claim(positions(p0=5), positions(p0=9)), head(positions(p0=5)), Verdict.APPEND),
        (claim(positions(p0=5), positions(p0=9)), head(positions(p0=5, p1=70)), Verdict.APPEND),
        (claim(positions(p0=5), positions(p0=9)), head(positions(p0=9), "mine"), Verdict.LANDED),
        (claim(positions(p0=5), positions(p0=9)), head(positions(p0=20), "mine", "later"), Verdict.LANDED),
        (claim(positions(p0=5), positions(p0=9)), head(positions(p0=7), "other"), Verdict.STALE),
        (claim(positions(p0=5), positions(p0=9)), head(positions(p0=9), "other"), Verdict.STALE),
        (claim(positions(p0=5), positions(p0=9)), head(positions(p0=3)), Verdict.STALE),
        (claim(positions(p0=5), positions(p0=9)), head(NOTHING), Verdict.STALE),
        (claim(NOTHING, positions(p0=5)), head(positions(p0=5), "other"), Verdict.STALE),
        (claim(NOTHING, positions(p0=5, p1=5)), head(positions(p1=5), "other"), Verdict.STALE),
        (claim(NOTHING, positions(p0=5)), head(NOTHING, table="new"), Verdict.REPLACED),
    ],
    ids=[
        "first rows of a table",
        "the table stands where the batch begins",
        "another partition was moved by another writer",
        "the answer was lost",
        "the answer was lost and others went on",
        "another writer took a part of it",
        "another writer took all of it",
        "the table was rolled back",
        "the table was emptied",
        "another writer wrote first",
        "another writer wrote one of two partitions",
        "the table was dropped and made again",
    ],
)
def test_a_claim_is_judged_by_where_the_table_stands(made, stands, verdict):
    assert judge(made, stands) is verdict


def test_a_recreated_topic_is_refused():
    made = claim(NOTHING, positions("new", p0=5))
    with pytest.raises(StopError, match="deleted and created again"):
        judge(made, head(positions("old", p0=3)))


@pytest.mark.parametrize("answer", Answer)
def test_only_a_success_is_taken_at_its_word(answer):
    assert settled(answer) is (answer is Answer.DONE)
