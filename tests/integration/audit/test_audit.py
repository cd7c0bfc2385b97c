"""The audit's eyes on real stores: what it must see, and what it must not overlook."""

import orjson
import pytest

from audit.bronze import Bronze
from audit.plan import Plan
from audit.run import Audit, Stores
from audit.search import Search
from services.search_sink.documents import FAMILIES
from streamkit.avro import Schema
from streamkit.catalogue import Catalogue, Topic
from streamkit.clock import SystemClock
from streamkit.headers import HEARTBEAT
from streamkit.positions import Positions
from tests.integration.lake_sink.conftest import EVENT, POISON, ROOT

DECISIONS = next(iter(FAMILIES))


@pytest.fixture
def audit(lake_world):
    files = Catalogue.load(ROOT / "schemas")
    spec = files["platform.rules.v1"].spec.model_copy(update={"topic": lake_world.topic})
    catalogue = Catalogue.of([*files.topics.values(), Topic(spec, Schema.of(EVENT))])
    stores = Stores(lake_world.broker, lake_world.registry, Bronze(lake_world.settings), None)
    plan = Plan((lake_world.topic,), (), ())

    def run(ledger=None):
        return Audit(stores, catalogue, SystemClock(), 0, lambda _: None).run(plan, ledger)

    return run


def acknowledged(world):
    return [
        orjson.dumps({"topic": world.topic, "partition": partition, "offset": offset})
        for partition, offset in world.sent
    ]


def test_bronze_is_compared_with_the_log_record_by_record(lake_world, audit):
    lake_world.create(2)
    encoder = lake_world.encoder()
    values = [encoder.encode({"n": n}) for n in range(40)]
    lake_world.send(values[:20])
    lake_world.send_and_abort(values[20:25])
    lake_world.send([*values[20:], *POISON], partition=1)
    assert lake_world.run() == 0
    report = audit(acknowledged(lake_world))
    assert report.agrees, report.differences
    assert {each.store: each.found for each in report.differences} == {"kafka": 43, "bronze": 43}

    lake_world.send(values[:3])
    behind = audit(
        [*acknowledged(lake_world), orjson.dumps({"topic": lake_world.topic, "partition": 0, "offset": 999})]
    )
    assert {each.store: each.lost for each in behind.differences} == {"kafka": 1, "bronze": 3}
    assert behind.behind
    assert f"lost {lake_world.topic}/0/999" in behind.differences[0].examples


def test_documents_are_known_by_the_records_they_were_made_from(search_world, decision):
    search_world.send(DECISIONS, *[decision(number) for number in range(25)])
    search_world.send(DECISIONS, decision(99), headers=((HEARTBEAT, b"1"),))
    search_world.run()
    search = Search(search_world.settings.opensearch_url)
    held = search.holds(f"{search_world.name}-decisions", DECISIONS)
    assert search.holds(f"{search_world.name}-nothing", DECISIONS) == {}
    search.close()
    documents = search_world.documents("decisions", customer_id=decision.customer)
    assert len(documents) == 25
    for document in documents:
        place = next(each for each in held if each.partition == document["partition"])
        assert place.topic_id == document["topic_id"]
        assert document["offset"] in held[place].offsets
    assert not any(each.twice for each in held.values())


def test_a_topic_without_a_partition_has_no_offsets_of_a_group(lake_world):
    assert lake_world.broker.admin().group_offsets("nobody", []) == Positions()
