import signal

import pytest

from services.lake_sink.commit import CRASH_POINTS as LAKE_POINTS
from streamkit.crashpoints import SINK_POINTS
from tests.integration.lake_sink.conftest import GROWN, POISON


def events(world, count, **more):
    encoder = world.encoder()
    return [encoder.encode({"n": n, **more}) for n in range(count)]


def test_poison_in_the_middle_is_a_row_and_aborted_records_are_not(world):
    world.create()
    good = events(world, 30)
    cut_off = good[3][:5]
    world.send(good[:10])
    world.send_and_abort(good[10:15])
    world.send([*POISON, *good[15:]])
    assert world.run() == 0
    world.assert_exact()
    world.send([cut_off])
    assert world.run() == 0
    (row,) = [row for row in world.rows() if row["_raw"] == cut_off]
    assert row["_error"].startswith("undecodable")


def test_a_new_field_is_a_column_without_a_restart(world):
    world.create()
    world.send(events(world, 5))
    grown = world.encoder(GROWN)
    world.send([grown.encode({"n": n, "more": "x"}) for n in range(5)])
    assert world.run() == 0
    assert sorted(str(row["more"]) for row in world.rows()) == ["None"] * 5 + ["x"] * 5


@pytest.mark.timeout(300)
def test_a_worker_killed_at_any_point_leaves_an_exact_table(world):
    """One table lives through a kill at each point, each with records of its own on the way."""
    world.create(2)
    values = events(world, 90)
    for number, point in enumerate([*LAKE_POINTS, *SINK_POINTS]):
        world.send([*values, POISON[number % len(POISON)]], partition=number % 2)
        assert world.run(crash_at=point) == -signal.SIGKILL, point
    assert world.run() == 0
    world.assert_exact()


@pytest.mark.timeout(240)
def test_two_workers_share_a_table_while_one_of_them_turns_zombie(world):
    """A stopped worker loses its partitions, comes back after the other has taken them on, and gives way."""
    world.create(4)
    values = events(world, 50)
    for partition in range(4):
        world.send(values, partition=partition)
    unbounded = {"LAKE_WORKER_UNBOUNDED": "1"}
    zombie = world.start(slot="0", **unbounded)
    world.wait_for(lambda: len(world.rows()) == len(world.sent))
    for partition in range(4):
        world.send(values, partition=partition)
    zombie.send_signal(signal.SIGSTOP)
    world.start(slot="1", **unbounded)
    world.wait_for(lambda: len(world.rows()) == len(world.sent))
    zombie.send_signal(signal.SIGCONT)
    for partition in range(4):
        world.send([*values, *POISON], partition=partition)
    world.wait_for(lambda: len(world.rows()) >= len(world.sent))
    world.assert_exact()
