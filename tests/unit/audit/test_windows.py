"""Window tables against a log in a broker in memory; the tables are those of the row-by-row reference."""

import pytest

from audit.kafka import Scanner
from audit.part import Part
from audit.windows import Windows
from replay.bounds import Bound
from streamkit.avro import Schema
from streamkit.clock import SystemClock
from streamkit.headers import HEARTBEAT
from streamkit.registry import subject_of
from streamkit.serde import AvroEncoder
from streamkit.testing.memory import MemoryBroker
from streamkit.testing.registry import MemoryRegistry
from tests.support.window_declarations import SCHEMA, bound
from tests.support.window_reference import LogRow
from tests.unit.audit.test_windowcounts import ORDERS, as_tables, tables
from tests.unit.flink_jobs.windows.test_rule_reference import HOP, SESSION, TUMBLE

TOPIC = "orders.refined.v1"
MINUTE_MS = 60_000


class Gold:
    """The tables of one window, as its job has written them up to some record; a test may falsify them."""

    def __init__(self, world, window):
        self.world, self.windows = world, {"sales": window}
        self.jobs, self.change, self.upto = {"sales"}, lambda rows, late: None, None

    def running(self):
        return self.jobs

    def rows(self, window, settled_ms, final_ms):
        del settled_ms, final_ms
        return self._tables(window)[0]

    def late(self, window, settled_ms, taken):
        del settled_ms, taken
        return self._tables(window)[1]

    def _tables(self, window):
        rows, late = tables(window, self.world.log[: self.upto])
        self.change(rows, late)
        return as_tables(rows, late)


class World:
    def __init__(self, assign):
        self.broker, self.registry = MemoryBroker(), MemoryRegistry().client()
        self.broker.create_topic(TOPIC, 2)
        schema = Schema.of(SCHEMA)
        self.encoder = AvroEncoder(schema, self.registry.register(subject_of(TOPIC), schema))
        window = bound(assign=assign, keys=["user"], aggregates=ORDERS, out_of_orderness="5s", lateness="10s")
        self.gold = Gold(self, window)
        self.windows = Windows(self.gold, self.registry, SystemClock())
        self.log, self.positions = [], {}

    def send(self, *times, user="u", heartbeat=False):
        """Records in turns into both partitions; each arrives when it happens."""
        for at in times:
            partition = len(self.log) % 2
            value = {"id": "", "tenant": "t", "user": user, "at": at, "category": None, "currency": "EUR"}
            value |= {"amount_minor": 1, "outcome": "APPROVE", "score": 0.0, "tags": []}
            headers = ((HEARTBEAT, b"1"),) if heartbeat else ()
            self.broker.producer().send(TOPIC, None, self.encoder.encode(value), headers, at, partition)
            told = {"tenant": "t", "user": user, "event_time": at}
            self.log.append(LogRow(partition, (len(self.log)) // 2, at, told, heartbeat))

    def compare(self, part=None):
        part = part or Part(after=self.positions)
        scan = Scanner(self.broker, SystemClock()).scan(TOPIC, every=self.windows.of_kafka(TOPIC), part=part)
        self.positions = dict(scan.span.ends)
        return self.windows.compare(scan, 0.0, lambda _: None)


@pytest.fixture(params=[TUMBLE, HOP, SESSION], ids=["tumble", "hop", "session"])
def world(request):
    return World(request.param)


def minutes(first, last):
    """Records ten seconds apart, a pause of half a minute in each minute, and a late one."""
    times = [n * 10_000 for n in range(first * 6, last * 6) if n % 6 > 1]
    return [*times[:-1], times[0] - 50_000, times[-1]]


def test_tables_that_account_for_every_record_agree(world):
    world.send(*minutes(10, 20))
    outcome = world.compare()
    (found,) = outcome.differences
    assert found.agrees, found
    assert found.found == found.expected > 30
    assert outcome.told[0].startswith("Window sales: ")
    assert not outcome.pending


def test_rows_that_are_missing_are_waited_for_and_named(world):
    world.send(*minutes(10, 20))
    world.gold.change = lambda rows, late: rows.pop()
    outcome = world.compare()
    assert outcome.differences[0].lost
    assert outcome.behind == ["window sales, or its rows are lost"]
    assert outcome.pending


def test_round_after_round_every_record_is_compared_once(world):
    expected = 0
    for first in range(10, 50, 10):
        world.send(*minutes(first, first + 10))
        (found,) = world.compare().differences
        assert found.agrees, found
        expected += found.expected
        world.windows.settle(TOPIC)
    whole = Windows(world.gold, world.registry, SystemClock())
    scan = Scanner(world.broker, SystemClock()).scan(TOPIC, every=whole.of_kafka(TOPIC))
    (found,) = whole.compare(scan, 0.0, lambda _: None).differences
    assert (found.agrees, found.expected) == (True, expected)


def test_what_was_not_complete_is_compared_again_with_what_came_since(world):
    world.send(*minutes(10, 20))
    world.gold.upto = 30
    assert world.compare().pending
    world.gold.upto = None
    world.positions = {}  # the other stores were behind too: the same part is read once more
    world.send(*minutes(20, 30))
    (found,) = world.compare().differences
    assert found.agrees, found


def test_of_a_part_only_windows_that_are_whole_are_compared(world):
    world.send(*minutes(10, 30))
    (found,) = world.compare(Part(begin=Bound(time_ms=12 * MINUTE_MS))).differences
    assert found.agrees, found
    assert 0 < found.expected < 13 * 4 * 3


def test_a_window_whose_job_does_not_run_is_not_compared(world):
    world.send(*minutes(10, 20))
    world.gold.jobs = set()
    outcome = world.compare()
    assert (outcome.differences, outcome.skipped) == ([], ["window sales: its job does not run"])
    # Once it runs, windows are compared that no record of before belongs to.
    world.windows.settle(TOPIC)
    world.gold.jobs = {"sales"}
    world.send(*minutes(20, 40))
    (found,) = world.compare().differences
    assert found.agrees, found
    assert found.expected


def test_a_partition_that_has_held_nothing_keeps_every_window_open(world):
    world.send(600_000)
    outcome = world.compare()
    assert outcome.differences == []
    assert "none is closed" in outcome.told[0]


def test_heartbeats_close_windows_but_are_not_counted(world):
    world.send(600_000, 600_001)
    world.send(900_000, 900_001, heartbeat=True)
    (found,) = world.compare().differences
    assert found.agrees, found
    assert found.expected == (6 if world.gold.windows["sales"].declaration.assign.type == "hop" else 2)


def test_a_topic_without_a_window_is_passed_over(world):
    assert world.windows.of_kafka("other") is None
    assert not world.windows.over("other")
