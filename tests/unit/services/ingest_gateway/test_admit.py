import pytest

from services.ingest_gateway.admit import Budget
from services.ingest_gateway.errors import OVERLOADED, RefusedError


def test_room_is_given_until_there_is_none() -> None:
    budget = Budget(10)
    budget.take(6)
    with pytest.raises(RefusedError) as refused:
        budget.take(5)
    assert refused.value.kind is OVERLOADED
    assert refused.value.retry_after_s == 1
    assert budget.used == 6


def test_room_that_is_given_back_can_be_taken_again() -> None:
    budget = Budget(10)
    budget.take(10)
    budget.give_back(10)
    budget.take(10)
    assert budget.used == 10


def test_asking_for_room_takes_none() -> None:
    budget = Budget(10)
    budget.demand(10)
    assert budget.used == 0
    with pytest.raises(RefusedError):
        budget.demand(11)
