import asyncio

import pytest
from aiokafka.errors import KafkaError

from services.live_views.tables import send


class Batch:
    """Takes two records."""

    def __init__(self):
        self.records = []

    def append(self, timestamp, key, value):
        if len(self.records) == 2:
            return None
        self.records.append((key, value))
        return key


class Producer:
    def __init__(self, error=None):
        self.error = error
        self.sent = []

    def create_batch(self):
        return Batch()

    async def send_batch(self, batch, topic, partition):
        self.sent.append((topic, partition, batch.records))
        answer = asyncio.get_running_loop().create_future()
        answer.set_exception(self.error) if self.error else answer.set_result(None)
        return answer


async def test_rows_go_in_order_in_as_few_batches_as_hold_them():
    producer = Producer()
    rows = [(b"a", b"1"), (b"b", None), (b"c", b"3")]
    answers = await send(producer, "changelog", 3, rows)
    assert producer.sent == [("changelog", 3, rows[:2]), ("changelog", 3, rows[2:])]
    assert len(answers) == 2


async def test_a_batch_that_kafka_refuses_is_not_silent():
    [answer] = await send(Producer(KafkaError()), "changelog", 0, [(b"a", b"1")])
    with pytest.raises(KafkaError):
        await answer
