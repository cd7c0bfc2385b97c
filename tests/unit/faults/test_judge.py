"""The judges see what is wrong, field by field, and nothing where all is right."""

import pytest

from payments.features import FEATURE_NAMES, customer_features, terminal_features, vector
from payments.labels import NO_LABELS, Report
from payments.logs import MemoryLogs
from tests.faults.judge import At, Found, Judge, Seen

DAY = 86_400_000
NOW = 1_790_000_000_000


def transaction(number, back_days=0.0, customer="c1", terminal="t1", amount=100):
    return {
        "transaction_id": f"x{number}",
        "tenant": "default",
        "customer_id": customer,
        "terminal_id": terminal,
        "currency": "EUR",
        "amount_minor": amount,
        "event_time": NOW + number - int(back_days * DAY),
    }


class World:
    """What the product would write, by its own feature code, and a judge of it."""

    def __init__(self):
        self.judge, self.found = Judge(), Found()
        self.logs, self.labels = MemoryLogs(), NO_LABELS
        self.reports = 0
        self.raw = self.enriched = self.decided = -1

    def pay(self, value, **changes):
        """Take a transaction through all hops; `changes` replace features of the enriched or decided one."""
        self.raw += 1
        self.judge.transaction(Seen(At(0, self.raw), At(0, self.raw), NOW, value))
        return self.effect(value, At(0, self.raw), **changes)

    def effect(self, value, source, *, enriched=None, decided=None):
        args = (value["event_time"], value["amount_minor"])
        customer = customer_features(self.logs, "default", value["customer_id"], value["currency"], *args)
        terminal = terminal_features(self.logs, "default", value["terminal_id"], args[0], self.labels)
        self.enriched += 1
        shown = {**value, "customer_features": {**customer, **(enriched or {})}}
        self.judge.enriched(Seen(At(0, self.enriched), source, NOW, shown), self.found)
        self.decided += 1
        features = dict(
            zip(FEATURE_NAMES, map(float, vector(*reversed(args), customer, terminal)), strict=True)
        )
        made = {
            "features": {**features, **(decided or {})},
            "side_positions": {"payments.fraud-reports.v1-0": self.reports},
        }
        self.judge.decision(Seen(At(0, self.decided), source, NOW, made), self.found)

    def report(self, value, reported):
        self.labels = self.labels.with_report(Report(value["transaction_id"], value["event_time"], reported))
        known = {**value, "transaction_time": value["event_time"], "event_time": reported}
        self.judge.report(Seen(At(0, self.reports), At(0, self.reports), NOW, known))
        self.reports += 1


@pytest.fixture
def world():
    return World()


def test_what_the_product_computes_is_right(world):
    fraud = transaction(1, back_days=8)
    for value in (fraud, transaction(2, 7.5), transaction(3, 40), transaction(4, terminal="t2")):
        world.pay(value)
    world.report(fraud, NOW)
    for number in range(5, 9):
        world.pay(transaction(number, amount=number))
    assert (world.found.reordered, world.found.wrong_state, world.found.compared) == (0, 0, 16)
    assert world.found.examples == []


@pytest.mark.parametrize("name", ["count_1d", "mean_amount_minor_30d"])
def test_a_wrong_customer_feature_is_seen(world, name):
    world.pay(transaction(1))
    world.pay(transaction(2), enriched={name: 7})
    assert world.found.wrong_state == 1
    assert world.found.examples == [
        f"wrong state enriched/0/1: {name}: 7, expected {2 if 'count' in name else 100.0}"
    ]


@pytest.mark.parametrize("name", FEATURE_NAMES)
def test_each_wrong_feature_of_a_decision_is_seen(world, name):
    world.pay(transaction(1), decided={name: 0.123})
    assert world.found.wrong_state == 1
    assert name in world.found.examples[0]


def test_a_label_that_the_decision_did_not_know_yet_does_not_count(world):
    fraud = transaction(1, back_days=8)
    world.pay(fraud)
    labels, positions = world.labels, world.reports
    world.report(fraud, NOW)
    world.labels, world.reports = labels, positions
    world.pay(transaction(2))
    assert world.found.wrong_state == 0


def test_state_that_has_forgotten_an_event_is_seen(world):
    world.pay(transaction(1))
    world.logs = MemoryLogs()
    world.pay(transaction(2))
    assert world.found.wrong_state == 2, "both in the enriched one and in its decision"


def test_state_that_counts_a_repeat_is_seen(world):
    value = transaction(1)
    world.pay(value)
    world.raw += 1
    world.judge.transaction(Seen(At(0, world.raw), At(0, world.raw), NOW + 5, value))
    assert world.found.wrong_state == 0
    world.effect(value, At(0, world.raw))
    assert world.found.wrong_state == 2, "the repeat has no expected effect"
    world.pay(transaction(2))
    assert world.found.wrong_state == 4, "the state has it twice from now on"


def test_a_repeat_after_a_day_counts_again(world):
    value = transaction(1)
    world.pay(value)
    world.raw += 1
    world.judge.transaction(Seen(At(0, world.raw), At(0, world.raw), NOW + DAY, value))
    world.effect(value, At(0, world.raw))
    assert world.found.wrong_state == 0


def test_outputs_out_of_their_inputs_order_are_seen(world):
    first, second = transaction(1), transaction(2, customer="c2", terminal="t2")
    for number, value in enumerate((first, second)):
        world.judge.transaction(Seen(At(0, number), At(0, number), NOW, value))
    world.effect(second, At(0, 1))
    world.effect(first, At(0, 0))
    assert world.found.reordered == 1, "decisions follow the enriched ones, which are in the wrong order"
    assert world.found.wrong_state == 0
    assert world.found.examples[0] == "reordered enriched/0/1: made from 0/0, behind one made from 0/1"


def test_decisions_out_of_order_are_seen(world):
    values = [transaction(1), transaction(2, customer="c2", terminal="t2")]
    kept = []
    world.judge.decision, take = (lambda seen, found: kept.append(seen)), world.judge.decision
    for value in values:
        world.pay(value)
    for offset, seen in enumerate(reversed(kept)):
        take(seen._replace(at=At(0, offset)), world.found)
    assert (world.found.reordered, world.found.wrong_state) == (1, 0)


def test_decisions_of_one_customer_at_two_terminals_may_cross(world):
    values = [transaction(1), transaction(2, terminal="t2")]
    kept, take = [], world.judge.decision
    world.judge.decision = lambda seen, found: kept.append(seen)
    enriched = world.judge.enriched
    world.judge.enriched = lambda seen, found: enriched(
        seen._replace(at=At(seen.source.offset, 0)), found
    )  # each terminal has a partition of its own
    for value in values:
        world.pay(value)
    for offset, seen in enumerate(reversed(kept)):
        take(seen._replace(at=At(0, offset)), world.found)
    assert (world.found.crossed, world.found.reordered, world.found.wrong_state) == (1, 0, 0)


def test_a_doubled_output_is_out_of_order_too(world):
    value = transaction(1)
    world.pay(value)
    world.effect(value, At(0, 0))
    assert (world.found.reordered, world.found.wrong_state) == (1, 2), "the state has counted it twice"


def test_a_decision_on_nothing_is_wrong(world):
    made = {"features": {}, "side_positions": {}}
    world.judge.decision(Seen(At(0, 0), At(0, 99), NOW, made), world.found)
    assert world.found.wrong_state == 1


def test_only_the_first_examples_are_kept():
    found = Found()
    for number in range(9):
        found.note(str(number))
    assert found.examples == ["0", "1", "2", "3", "4"]
