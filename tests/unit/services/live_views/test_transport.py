from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from faust.types import TP

from services.live_views.errors import IsolationError
from services.live_views.runs import RunSchema, collapse
from services.live_views.transport import read_committed


async def test_a_consumer_is_set_to_gather_committed_records():
    consumer = read_committed(AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1"))
    assert consumer._isolation_level == "read_committed"
    assert consumer._fetch_max_wait_ms == 250
    await consumer.stop()


def test_another_client_than_the_known_one_is_refused():
    with pytest.raises(IsolationError):
        read_committed(SimpleNamespace())


def record(offset, value=b"v"):
    return ConsumerRecord("t", 0, offset, 5, 0, b"k", value, None, 1, 1, ())


def test_a_run_stands_at_its_last_record_and_holds_all_of_them():
    records = [record(3), record(4), record(9)]
    [run] = collapse({TP("t", 0): records})[TP("t", 0)]
    assert (run.topic, run.partition, run.offset) == ("t", 0, 9)
    assert RunSchema().loads_value(None, run) == records
    assert RunSchema().loads_key(None, run) is None


def test_a_partition_without_records_has_no_run():
    assert collapse({TP("t", 0): []}) == {}
