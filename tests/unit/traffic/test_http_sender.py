import pytest

from traffic.http_sender import answer_of
from traffic.ledger import Ack
from traffic.senders import AwayError, Refusal


def test_an_acknowledged_event_says_where_it_is():
    assert answer_of(200, b'{"results":[{"index":0,"partition":3,"offset":77}]}', None) == Ack(3, 77)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 422])
def test_what_can_never_be_taken_is_refused(status):
    answer = answer_of(status, b'{"detail":"/amount_minor"}', None)
    assert answer == Refusal(str(status), '{"detail":"/amount_minor"}')


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [(503, "2", 2.0), (503, None, None), (429, "1", 1.0), (502, "soon", None)],
)
def test_what_may_be_taken_later_says_when(status, retry_after, seconds):
    with pytest.raises(AwayError) as raised:
        answer_of(status, b"{}", retry_after)
    assert raised.value.retry_after_s == seconds
