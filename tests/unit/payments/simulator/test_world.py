"""The world against the book's parameters."""

import numpy as np
import pytest

from payments.simulator import World, WorldParameters, cards, customers, terminals
from payments.simulator.frauds import compromised_customers, compromised_terminals
from payments.simulator.merchants import CATEGORIES, COUNTRIES, merchant_of
from payments.simulator.transactions import transactions_of_day

NOW_MS = 1_795_000_000_000


@pytest.fixture(scope="module")
def world():
    return World.ending_at(NOW_MS)


def test_sizes_and_ranges_are_the_books(world):
    assert (len(world.home), len(world.place)) == (5_000, 10_000)
    assert world.home.min() >= 0
    assert world.home.max() <= 100
    assert world.mean_amount.min() >= 5
    assert world.mean_amount.max() <= 100
    assert world.mean_amount.mean() == pytest.approx(52.5, abs=1)
    assert world.daily_rate.mean() == pytest.approx(2, abs=0.05)


def test_reach_holds_exactly_the_terminals_within_the_radius(world):
    for customer in (0, 17, 4_999):
        distance = np.linalg.norm(world.place - world.home[customer], axis=1)
        found = world.reach[world.reach_start[customer] : world.reach_start[customer + 1]]
        assert found.tolist() == np.flatnonzero(distance < 5).tolist()


def test_the_same_seed_gives_the_same_world_and_another_another(world):
    same, other = World.ending_at(NOW_MS), World.ending_at(NOW_MS, seed=2)
    assert np.array_equal(world.home, same.home)
    assert not np.array_equal(world.home, other.home)


def test_the_last_day_of_history_holds_now(world):
    assert world.day_of(NOW_MS) == 64
    assert world.start_ms(64) <= NOW_MS < world.start_ms(65)


def test_compromises_last_as_long_as_the_book_says(world):
    assert len(compromised_terminals(world, 0)) == 2
    assert len(compromised_terminals(world, 60)) == pytest.approx(56, abs=2)
    assert len(compromised_customers(world, 60)) == pytest.approx(42, abs=2)
    first = set(compromised_terminals(world, 0).tolist())
    assert first <= set(compromised_terminals(world, 27).tolist())
    assert not first & set(compromised_terminals(world, 28).tolist())


def test_rows_cover_every_customer_card_and_terminal():
    world = World.create(1, 20_000, WorldParameters(customers=600, terminals=40))
    people, plastic, shops = list(customers(world)), list(cards(world)), list(terminals(world))
    assert (len(people), len(plastic), len(shops)) == (600, 600, 40)
    assert people[17]["customer_id"] == plastic[17]["customer_id"] == "c000017"
    assert {card["status"] for card in plastic} == {"active", "blocked"}
    assert all(person["credit_limit_minor"] >= 100_000 for person in people)
    assert {shop["category"] for shop in shops} <= set(CATEGORIES)
    assert shops[3]["terminal_id"] == "t000003"


def test_merchants_spread_over_categories_and_countries():
    found = [merchant_of(number) for number in range(2_000)]
    assert {merchant.category for merchant in found} == set(CATEGORIES)
    assert {merchant.country for merchant in found} == set(COUNTRIES)
    assert merchant_of(7) == merchant_of(7)


def test_a_customer_without_a_terminal_in_reach_pays_nowhere():
    world = World.create(1, 20_000, WorldParameters(customers=50, terminals=1, radius=1e-9))
    assert len(transactions_of_day(world, 0)) == 0
