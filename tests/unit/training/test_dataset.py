"""The dataset against the reference: every event, looked at one by one."""

import numpy as np
import pytest

from payments.features import FEATURE_NAMES
from payments.simulator import WorldParameters
from payments.simulator.reports import reports_of_day
from payments.simulator.transactions import transactions_of_day
from payments.windows import DAY_MS
from training.dataset import NEVER, build
from training.protocol import Protocol

PROTOCOL = Protocol(
    train_start=9,
    week=2,
    world=WorldParameters(customers=40, terminals=25, radius=40, compromised_terminals_per_day=1),
)


@pytest.fixture(scope="module")
def dataset():
    return build(PROTOCOL)


def everything():
    """(customer, terminal, time, amount, reported) of all days, in order."""
    world = PROTOCOL.create_world()
    rows = []
    for day in PROTOCOL.days:
        drawn = transactions_of_day(world, day)
        reported = np.full(len(drawn), NEVER)
        reports = reports_of_day(world, day, drawn)
        reported[reports.index] = reports.reported_ms
        columns = (drawn.customer, drawn.terminal, drawn.time_ms, drawn.amount_minor, reported)
        rows.extend(zip(*(column.tolist() for column in columns), strict=True))
    return rows


def test_windows_and_risks_equal_counting_over_all_events(dataset):
    rows = everything()
    first = len(rows) - len(dataset.day)
    names = {name: place for place, name in enumerate(FEATURE_NAMES)}
    frauds_seen = 0
    for place in range(0, len(dataset.day), 5):
        customer, terminal, time, amount, _ = rows[first + place]
        found = dataset.vectors[place]
        before = rows[: first + place + 1]
        assert found[names["amount_minor"]] == amount
        for days in (1, 7, 30):
            own = [a for c, _, t, a, _ in before if c == customer and time - days * DAY_MS < t <= time]
            assert found[names[f"customer_count_{days}d"]] == len(own)
            assert found[names[f"customer_mean_amount_minor_{days}d"]] == sum(own) / len(own)
            end = time - 7 * DAY_MS
            there = [r for _, x, t, _, r in before if x == terminal and end - days * DAY_MS < t <= end]
            risk = sum(reported <= time for reported in there) / len(there) if there else 0.0
            assert found[names[f"terminal_count_{days}d"]] == len(there)
            assert found[names[f"terminal_risk_{days}d"]] == risk
            frauds_seen += risk > 0
    assert frauds_seen > 10


def test_it_holds_the_days_from_the_first_training_day_on(dataset):
    assert (dataset.day.min(), dataset.day.max()) == (9, PROTOCOL.test.stop - 1)
    assert set(dataset.on(PROTOCOL.train).day.tolist()) == {9, 10}
    assert dataset.vectors.shape == (len(dataset.day), len(FEATURE_NAMES))
