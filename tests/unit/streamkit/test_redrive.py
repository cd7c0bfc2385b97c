import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.deadletters import dead_letter_of
from streamkit.errors import DeadLetterError
from streamkit.headers import REDRIVE, SOURCE, Source, carried
from streamkit.records import Record, Rejected
from streamkit.redrive import Redrive, as_first_read, format_redrive, parse_redrive, redrive_of, retry_of

PLACE = Source("in", "id", 2, 7)
REDRIVEN = Redrive(1, 1_790_000_000_000, PLACE, "svc:in@id/2/7")


def record(*headers):
    return Record("svc.in.retry", 1, 40, 5, b"k", b"v", headers)


def test_a_retry_topic_is_the_services_own_for_one_input():
    assert retry_of("", "enricher", "payments.transactions.v1") == "enricher.payments.transactions.v1.retry"
    assert retry_of("ns", "svc", "in") == "ns.svc.in.retry"


@given(st.integers(1, 99), st.integers(0, 2**42), st.integers(0, 2**40), st.text("ab :/@#", min_size=1))
def test_the_header_comes_back_as_it_was(attempt, at_ms, offset, letter_id):
    redrive = Redrive(attempt, at_ms, PLACE._replace(offset=offset), letter_id)
    assert parse_redrive(format_redrive(redrive)) == redrive


@pytest.mark.parametrize(
    "raw", [b"", b"1", b"x 2 in@id/2/7 l", b"1 -2 in@id/2/7 l", b"1 2 in l", b"1 99999999999999 in@id/2/7 l"]
)
def test_what_is_no_such_header_is_refused(raw):
    with pytest.raises(ValueError, match=r"not|expected"):
        parse_redrive(raw)
    assert redrive_of(record((REDRIVE, raw))) is None


def test_a_record_is_read_as_at_its_first_place():
    given = record((SOURCE, b"raw@r/0/1"), (REDRIVE, format_redrive(REDRIVEN)))
    first = as_first_read(given, "in", "id")
    assert (first.topic, first.partition, first.offset) == ("in", 2, 7)
    assert (first.key, first.value, first.timestamp_ms, first.headers) == (b"k", b"v", 5, given.headers)


@pytest.mark.parametrize(("topic", "topic_id"), [("other", "id"), ("in", "made-again")])
def test_one_of_another_input_is_refused(topic, topic_id):
    with pytest.raises(DeadLetterError, match="does not say where"):
        as_first_read(record((REDRIVE, format_redrive(REDRIVEN))), topic, topic_id)


def test_one_that_nobody_redrove_is_refused():
    with pytest.raises(DeadLetterError) as refused:
        as_first_read(record(), "in", "id")
    assert refused.value.reason == "bad_header"


def test_the_mark_of_a_redriven_record_does_not_travel_on():
    assert carried(record((SOURCE, b"s"), (REDRIVE, b"r"), ("a", b"b"))) == ((SOURCE, b"s"), ("a", b"b"))


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_letter_about_a_redriven_record_has_an_id_of_its_own(attempt):
    header = (REDRIVE, format_redrive(REDRIVEN._replace(attempt=attempt)))
    again = as_first_read(record(header), "in", "id")
    letter = dead_letter_of(Rejected(again, "bad", "still bad"), "svc", "id")
    assert letter.dead_letter_id == f"svc:in@id/2/7#{attempt}"
    assert header in letter.source_headers
    assert (
        dead_letter_of(Rejected(record(), "bad", ""), "svc", "id").dead_letter_id
        == "svc:svc.in.retry@id/1/40"
    )
