"""Transactions of a day against the book's distributions and scenarios."""

import numpy as np
import pytest

from payments.simulator import World
from payments.simulator.frauds import compromised_customers, compromised_terminals
from payments.simulator.reports import reports_of_day
from payments.simulator.transactions import as_events, transactions_of_day

WORLD = World.create(1, 20_000)
DAY = 40


@pytest.fixture(scope="module")
def day():
    return transactions_of_day(WORLD, DAY)


def test_a_day_has_about_two_transactions_per_customer_within_the_day(day):
    # Poisson(U(0, 4)) per customer; 3 % fall outside the day and are dropped.
    assert len(day) == pytest.approx(5_000 * 2 * 0.969, rel=0.05)
    assert day.time_ms.min() >= WORLD.start_ms(DAY)
    assert day.time_ms.max() < WORLD.start_ms(DAY + 1)
    assert np.all(np.diff(day.time_ms) >= 0)


def test_customers_use_terminals_near_home_only(day):
    distance = np.linalg.norm(WORLD.home[day.customer] - WORLD.place[day.terminal], axis=1)
    assert distance.max() < 5


def test_amounts_follow_the_customer(day):
    genuine = day.scenario == 0
    ratio = day.amount_minor[genuine] / 100 / WORLD.mean_amount[day.customer[genuine]]
    assert ratio.mean() == pytest.approx(1.02, abs=0.03)
    assert day.amount_minor.min() >= 0


def test_each_scenario_marks_what_it_should(day):
    at_bad_terminal = np.isin(day.terminal, compromised_terminals(WORLD, DAY))
    assert np.all(day.scenario[at_bad_terminal & (day.scenario != 3)] == 2)
    of_bad_customer = np.isin(day.customer, compromised_customers(WORLD, DAY))
    assert np.all(of_bad_customer[day.scenario == 3])
    assert np.mean(day.scenario[of_bad_customer] == 3) == pytest.approx(1 / 3, abs=0.15)
    large = day.amount_minor > 22_000
    assert np.all(day.scenario[large] > 0)
    assert np.all(large[day.scenario == 1])


def test_a_customers_fraud_is_five_times_its_amount():
    days = [transactions_of_day(WORLD, number) for number in range(20, 60)]
    taken = [
        d.amount_minor[d.scenario == 3] / 100 / WORLD.mean_amount[d.customer[d.scenario == 3]] for d in days
    ]
    assert np.concatenate(taken).mean() == pytest.approx(5, abs=0.4)


def test_a_day_is_a_function_of_seed_and_day_alone(day):
    again = transactions_of_day(World.create(1, 20_000), DAY)
    shifted = transactions_of_day(World.create(1, 20_007), DAY)
    assert np.array_equal(day.amount_minor, again.amount_minor)
    assert np.array_equal(day.amount_minor, shifted.amount_minor)
    assert np.array_equal(day.time_ms + 7 * 86_400_000, shifted.time_ms)


def test_values_have_the_shape_of_the_topic(day):
    values = as_events(day[:50], "h040", range(50))
    assert values[3] == {
        "transaction_id": "h040-000003",
        "tenant": "default",
        "customer_id": f"c{day.customer[3]:06d}",
        "card_id": f"k{day.customer[3]:06d}",
        "terminal_id": f"t{day.terminal[3]:06d}",
        "amount_minor": int(day.amount_minor[3]),
        "currency": "EUR",
        "entry_mode": values[3]["entry_mode"],
        "event_time": int(day.time_ms[3]),
    }
    assert {value["entry_mode"] for value in values} <= {"CHIP", "CONTACTLESS", "MAGSTRIPE", "ECOMMERCE"}


def test_reports_come_for_every_fraud_and_mostly_within_a_week():
    days = [(number, transactions_of_day(WORLD, number)) for number in range(20, 50)]
    delays = []
    for number, transactions in days:
        reports = reports_of_day(WORLD, number, transactions)
        assert reports.index.tolist() == np.flatnonzero(transactions.scenario).tolist()
        delays.extend((reports.reported_ms - transactions.time_ms[reports.index]).tolist())
    within = np.array(delays) / 86_400_000
    assert np.mean(within <= 7) == pytest.approx(0.98, abs=0.01)
    assert within.min() > 0
    assert within.max() <= 30
