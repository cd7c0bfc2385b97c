"""What is asked before a question that a client of ours must not survive unanswered."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from streamkit.errors import RetryableError
from streamkit.kafka.admin import KafkaAdmin
from streamkit.kafka.faults import Refusals
from streamkit.records import TopicPartition

A = TopicPartition("t", 0)


class Client:
    """librdkafka's admin client, with a coordinator that answers so and so."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = []

    def poll(self, seconds):
        return 0

    def list_topics(self, topic, timeout):
        return SimpleNamespace(topics={topic: None})

    def describe_consumer_groups(self, groups, request_timeout):
        self.asked.append("group")
        code = self._answers.pop(0)
        return {groups[0]: _answered(error=code)}

    def list_consumer_group_offsets(self, asked, request_timeout):
        self.asked.append("offsets")
        place = SimpleNamespace(topic=A.topic, partition=A.partition, offset=7, error=None)
        return {asked[0].group_id: _answered(SimpleNamespace(topic_partitions=[place]))}


def _answered(value=None, error=None):
    future = Future()
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(KafkaException(KafkaError(error)))
    return future


@pytest.fixture
def admin():
    made = KafkaAdmin({"bootstrap.servers": "127.0.0.1:9", "log_level": 0}, Refusals(print))
    yield made
    made.close()


@pytest.mark.parametrize(
    "answers",
    [
        [None],
        [KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, None],
        [KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.GROUP_ID_NOT_FOUND],
    ],
)
def test_a_coordinator_is_asked_for_offsets_once_it_knows_of_the_group(admin, answers):
    admin._admin = Client(*answers)
    asked = admin._admin.asked
    assert dict(admin.group_offsets("g", [A])) == {A: 7}
    assert asked == ["group"] * len(answers) + ["offsets"]


def test_one_that_answers_nothing_is_not_asked_for_offsets(admin):
    admin._admin = Client(KafkaError._TIMED_OUT)
    asked = admin._admin.asked
    with pytest.raises(RetryableError):
        admin.group_offsets("g", [A])
    assert asked == ["group"]
