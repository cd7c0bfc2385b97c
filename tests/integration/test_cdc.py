"""Rows of the bank's tables become records, once each, whatever is killed."""

import io
import json
import logging
import struct
import time

import fastavro
import pytest
from confluent_kafka import Consumer, TopicPartition

from local import supervise
from local.poll import until
from local.postgres import connect
from local.probe import http_call

UPSERT = """
INSERT INTO bank.customers (customer_id, segment) VALUES (%s, %s)
ON CONFLICT (customer_id) DO UPDATE SET segment = excluded.segment
"""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def stack(parts):
    return parts.need("connect")


def kill(stack, victim):
    killed = pid(stack, victim)
    supervise.kill(stack, victim)
    assert until(lambda: pid(stack, victim) not in (None, killed), 30)
    supervise.wait_ready(stack, victim, 120)


class Changes:
    """Reads a CDC topic from its start, committed records only, decoded with the schemas they name."""

    def __init__(self, stack, table):
        settings = {
            "bootstrap.servers": stack.bootstrap_servers,
            "group.id": "test-cdc",
            "enable.auto.commit": False,
            "logger": logging.getLogger(__name__),
        }
        self.stack, self.topic = stack, f"cdc.bank.{table}"
        self.consumer = Consumer({**settings, "isolation.level": "read_committed"})
        self.seen = []

    def of(self, key, count, seconds=90):
        """The first `count` changes of the row with this key, and any others that came by then."""
        self.consumer.assign([TopicPartition(self.topic, 0, 0)])
        self.seen, deadline = [], time.monotonic() + seconds
        while len(self.seen) < count and time.monotonic() < deadline:
            for message in self.consumer.consume(500, 1):
                if message.error() is None and key in self.decoded(message.key()).values():
                    self.seen.append(self.decoded(message.value()))
        return self.seen

    def decoded(self, data):
        magic, schema_id = struct.unpack(">bI", data[:5])
        assert magic == 0
        path = f"/apis/ccompat/v7/schemas/ids/{schema_id}"
        _, answer = http_call("GET", self.stack.port("registry.http"), path, timeout=30)
        return fastavro.schemaless_reader(io.BytesIO(data[5:]), json.loads(json.loads(answer)["schema"]))


@pytest.fixture
def changes(stack):
    made = []

    def of_table(table):
        made.append(Changes(stack, table))
        return made[-1]

    yield of_table
    for one in made:
        one.consumer.close()


def run(stack, statement, *values):
    with connect(stack) as bank:
        bank.execute(statement, values)


def pid(stack, name):
    return next(part.pid for part in supervise.status(stack) if part.name == name)


def test_an_insert_an_update_and_a_delete_carry_the_row_before_and_after(stack, changes, unique):
    run(stack, "INSERT INTO bank.cards VALUES (%s, 'c1', 'active', '2030-01-01')", unique)
    run(stack, "UPDATE bank.cards SET status = 'blocked' WHERE card_id = %s", unique)
    run(stack, "DELETE FROM bank.cards WHERE card_id = %s", unique)
    inserted, updated, deleted = changes("cards").of(unique, 3)
    row = {"card_id": unique, "customer_id": "c1", "status": "active", "expires_on": 21915}
    assert (inserted["op"], inserted["before"], inserted["after"]) == ("c", None, row)
    assert (updated["op"], updated["before"], updated["after"]) == ("u", row, row | {"status": "blocked"})
    assert (deleted["op"], deleted["before"], deleted["after"]) == ("d", row | {"status": "blocked"}, None)


def test_a_column_that_is_added_arrives(stack, changes, unique):
    run(stack, "INSERT INTO bank.terminals (terminal_id, category) VALUES (%s, 'books')", unique)
    run(stack, "ALTER TABLE bank.terminals ADD COLUMN added text")
    run(stack, "UPDATE bank.terminals SET added = 'new' WHERE terminal_id = %s", unique)
    try:
        inserted, updated = changes("terminals").of(unique, 2)
        assert "added" not in inserted["after"]
        assert updated["after"]["added"] == "new"
        assert updated["after"]["category"] == "books"
    finally:
        run(stack, "ALTER TABLE bank.terminals DROP COLUMN added")


@pytest.mark.parametrize("victim", ["connect", "postgres"])
def test_each_change_arrives_once_whatever_is_killed(stack, changes, unique, victim):
    for number in range(41):
        run(stack, UPSERT, unique, str(number))
        if number == 20:
            kill(stack, victim)
    seen = [change["after"]["segment"] for change in changes("customers").of(unique, 41)]
    assert seen == [str(number) for number in range(41)]


def test_the_topics_are_kept_for_ever(stack):
    from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    resource = ConfigResource(ResourceType.TOPIC, "cdc.bank.customers")
    settings = admin.describe_configs([resource])[resource].result(30)
    assert (settings["retention.ms"].value, settings["cleanup.policy"].value) == ("-1", "delete")
    assert len(admin.list_topics("cdc.bank.customers", 30).topics["cdc.bank.customers"].partitions) == 1
