"""The audit's eyes on real stores: what it must see, and what it must not overlook."""

import orjson
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from audit.bronze import Bronze
from audit.part import WHOLE, part_of
from audit.plan import Plan
from audit.run import Audit, Stores
from audit.search import Search
from services.lake_sink.tables import Tables
from services.search_sink.documents import FAMILIES
from streamkit.avro import Schema
from streamkit.catalogue import Catalogue, Topic
from streamkit.clock import SystemClock
from streamkit.headers import HEARTBEAT
from streamkit.positions import Positions
from tests.integration.lake_sink.conftest import EVENT, GROWN, POISON, ROOT

DECISIONS = next(iter(FAMILIES))


@pytest.fixture
def audit(lake_world):
    files = Catalogue.load(ROOT / "schemas")
    spec = files["platform.rules.v1"].spec.model_copy(update={"topic": lake_world.topic})
    catalogue = Catalogue.of([*files.topics.values(), Topic(spec, Schema.of(EVENT))])
    stores = Stores(lake_world.broker, lake_world.registry, Bronze(lake_world.settings), None)
    plan = Plan((lake_world.topic,), (), ())

    def run(ledger=None, part=WHOLE):
        audit = Audit(stores, catalogue, SystemClock(), 0, lambda _: None, content=True)
        return audit.run(plan, ledger, part)

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


def test_what_rows_say_is_compared_with_the_records(lake_world, audit):
    lake_world.create(2)
    old, new = lake_world.encoder(), lake_world.encoder(GROWN)
    lake_world.send([old.encode({"n": n}) for n in range(40)])
    assert lake_world.run() == 0
    lake_world.send([*[new.encode({"n": n, "more": f"m{n}"}) for n in range(40)], *POISON], partition=1)
    assert lake_world.run() == 0
    whole = audit()
    assert whole.agrees, list(whole.lines())
    assert next(iter(whole.differences)).found == 83

    change(lake_world, "more", 1, 7, "something else")
    found = audit()
    assert (found.differing, found.lost, found.doubled, found.agrees) == (1, 0, 0, False)
    assert '  /more: kafka "m7", bronze "something else"' in found.differences[0].examples
    # The part that was changed, and that beside it.
    assert audit(part=part_of("1:7,0:40", "1:8", lake_world.topic)).differing == 1
    beside = audit(part=part_of("1:8", None, lake_world.topic))
    assert beside.agrees, list(beside.lines())
    assert next(iter(beside.differences)).found == 40 + 35


def change(world, name, partition, offset, new):
    """Change one field of one row where it lies, as a fault of the object store would."""
    table = Tables(world.catalog, world.settings.bronze).find(world.topic)
    for task in table.scan().plan_files():
        with table.io.new_input(task.file.file_path).open() as file:
            rows = pq.ParquetFile(file).read()
        here = pc.and_(
            pc.equal(rows.column("_partition"), partition), pc.equal(rows.column("_offset"), offset)
        )
        if name in rows.column_names and pc.any(here).as_py():
            at = rows.schema.get_field_index(name)
            changed = rows.set_column(at, rows.schema.field(at), pc.if_else(here, new, rows.column(name)))
            with table.io.new_output(task.file.file_path).create(overwrite=True) as file:
                pq.write_table(changed, file)


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
