"""Rows from Debezium's envelopes, and what a look-up says about them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enricher.errors import NoRowKeyError
from services.enricher.join import CARDS, CUSTOMERS, TERMINALS, joiner, row_of, side_input
from streamkit.records import Record
from streamkit.side import SideView

CUSTOMER = {"customer_id": "c1", "segment": "retail", "home_x": 1.5, "home_y": 2.5, "credit_limit_minor": 500}
COLUMNS = {name: CUSTOMER[name] for name in CUSTOMERS.columns}


class Envelopes:
    """Stands for the decoder: the record's value names the envelope."""

    def __init__(self, *envelopes):
        self._envelopes = envelopes

    def decode(self, value):
        return self._envelopes[int(value)]


def envelope(before=None, after=None, op="u"):
    return {"before": before, "after": after, "op": op, "ts_ms": 1}


def view(*envelopes, table=CUSTOMERS):
    side = SideView([side_input(table, Envelopes(*envelopes))])
    for offset in range(len(envelopes)):
        side.apply(Record(table.topic, 0, offset, 1000, b"key", str(offset).encode()))
    return side


def test_a_row_is_its_last_image_with_its_offset():
    side = view(envelope(after=CUSTOMER, op="r"), envelope(CUSTOMER, {**CUSTOMER, "segment": "premium"}))
    found = joiner(CUSTOMERS, side)("c1")
    assert found.branch == ("kapstan.payments.CustomerRow", {**COLUMNS, "segment": "premium"})
    assert found.entry == {"name": "customers", "status": "MATCHED", "offset": 1}


def test_an_unknown_row_is_missing():
    found = joiner(CUSTOMERS, view(envelope(after=CUSTOMER)))("c2")
    assert found.branch is None
    assert found.entry == {"name": "customers", "status": "MISSING", "offset": None}


def test_a_deleted_row_is_stale_with_what_it_last_held():
    found = joiner(CUSTOMERS, view(envelope(after=CUSTOMER), envelope(before=CUSTOMER, op="d")))("c1")
    assert found.branch == ("kapstan.payments.CustomerRow", COLUMNS)
    assert found.entry == {"name": "customers", "status": "STALE", "offset": 1}


def test_a_row_that_comes_back_is_matched_again():
    side = view(envelope(after=CUSTOMER), envelope(before=CUSTOMER, op="d"), envelope(after=CUSTOMER, op="c"))
    assert joiner(CUSTOMERS, side)("c1").entry["status"] == "MATCHED"


def test_a_tombstone_changes_nothing():
    side = view(envelope(after=CUSTOMER))
    side.apply(Record(CUSTOMERS.topic, 0, 1, 1000, b"key", None))
    assert joiner(CUSTOMERS, side)("c1").entry["offset"] == 0


def test_order_is_the_topics_whatever_the_times_say():
    late = {**envelope(after={**CUSTOMER, "segment": "first"}), "ts_ms": 99}
    early = {**envelope(after={**CUSTOMER, "segment": "second"}), "ts_ms": 1}
    assert joiner(CUSTOMERS, view(late, early))("c1").branch[1]["segment"] == "second"


def change(number, segment, lsn):
    """A change with its place in PostgreSQL's log, as Debezium sends it; our schema leaves `source` out."""
    row = {**CUSTOMER, "customer_id": f"c{number}", "segment": segment}
    return {**envelope(after=row), "source": {"lsn": lsn, "txId": lsn // 10}}


def test_a_later_record_wins_also_with_a_smaller_lsn():
    # Transactions that overlap commit in another order than their rows were written in.
    side = view(change(1, "first", lsn=200), change(1, "second", lsn=100))
    assert joiner(CUSTOMERS, side)("c1").branch[1]["segment"] == "second"


@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from("abc")), min_size=1, max_size=12),
    st.data(),
)
def test_rows_that_debezium_sends_again_after_a_crash_leave_the_table_as_it_was(changes, data):
    sent = [change(number, segment, lsn=100 + n) for n, (number, segment) in enumerate(changes)]
    # It goes on from where it last committed: from there on all comes again, in the same order.
    crashed = data.draw(st.integers(0, len(sent)))
    committed = data.draw(st.integers(0, crashed))
    once, again = view(*sent), view(*sent[:crashed], *sent[committed:])
    for number in (1, 2, 3):
        key = f"c{number}"
        assert joiner(CUSTOMERS, again)(key).branch == joiner(CUSTOMERS, once)(key).branch


@pytest.mark.parametrize(
    "broken",
    [
        envelope(),
        envelope(after={**CUSTOMER, "customer_id": ""}),
        envelope(before={**CUSTOMER, "customer_id": None}),
    ],
)
def test_a_change_without_its_key_is_refused_with_the_field(broken):
    with pytest.raises(NoRowKeyError) as caught:
        row_of(CUSTOMERS, broken)
    assert caught.value.reason == "no_row_key"
    assert caught.value.field_path == "/after/customer_id"


def test_nulls_of_the_bank_are_filled_where_the_output_has_none():
    key, row = row_of(
        TERMINALS,
        envelope(
            after={
                "terminal_id": "t1",
                "merchant_name": None,
                "category": None,
                "country": None,
                "x": None,
                "y": None,
            }
        ),
    )
    assert key == "t1"
    assert row.branch[1] == {"merchant_name": "", "category": "", "country": "", "x": 0.0, "y": 0.0}
    card = {"card_id": "k1", "customer_id": "c1", "status": "active", "expires_on": None}
    assert row_of(CARDS, envelope(after=card))[1].branch[1] == {"status": "active", "expires_on": None}
