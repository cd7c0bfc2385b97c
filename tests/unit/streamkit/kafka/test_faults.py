import pytest
from confluent_kafka import KafkaError, KafkaException

from streamkit.broker import AwayError, Member, TooLargeError
from streamkit.errors import FencedError, RetryableError, StopError
from streamkit.kafka.faults import Refusals, explained, meaning
from streamkit.kafka.settings import consumer_settings, producer_settings
from streamkit.records import MAX_RECORD_BYTES


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (KafkaError(KafkaError._FENCED), FencedError, "KAPSTAN_SLOT"),
        (KafkaError(KafkaError.FENCED_INSTANCE_ID), FencedError, "KAPSTAN_SLOT"),
        (KafkaError(KafkaError._FATAL), FencedError, "started again"),
        (KafkaError(KafkaError._TIMED_OUT), AwayError, ""),
        (KafkaError(KafkaError._ALL_BROKERS_DOWN), AwayError, ""),
        (KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS), AwayError, ""),
        (KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART), RetryableError, "kapstan topics apply"),
        (KafkaError(KafkaError._AUTO_OFFSET_RESET), StopError, "kapstan replay"),
        (KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), StopError, "ACLs"),
        (KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), TooLargeError, "message.max.bytes"),
        (KafkaError(KafkaError._STATE, "x", True), FencedError, "started again"),
    ],
)
def test_an_error_means_one_thing(error, kind, hint):
    found = meaning(error, "committing")
    assert type(found) is kind
    assert hint in str(found)
    assert "committing" in str(found)


def test_what_the_client_raises_is_explained():
    with pytest.raises(RetryableError, match="while reading"), explained("reading"):
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))


def test_bad_credentials_are_kept_from_the_event_until_the_next_call():
    said = []
    refusals = Refusals(said.append)
    refusals(KafkaError(KafkaError._TRANSPORT))
    refusals.check()
    refusals(KafkaError(KafkaError._AUTHENTICATION))
    with pytest.raises(StopError, match="credentials"):
        refusals.check()
    assert len(said) == 2


def test_a_reader_in_no_hurry_lets_the_broker_gather():
    assert consumer_settings({}, None)["fetch.min.bytes"] == 1
    patient = consumer_settings({}, None, gather_ms=250)
    assert patient["fetch.min.bytes"] > 100_000
    assert patient["fetch.wait.max.ms"] == 250


def test_the_settings_that_promises_rest_on():
    consumer = consumer_settings({}, Member("g", "slot-0"))
    assert consumer["isolation.level"] == "read_committed"
    assert consumer["auto.offset.reset"] == "error"
    assert consumer["enable.auto.commit"] is False
    assert consumer["session.timeout.ms"] == 6_000
    assert consumer["group.instance.id"] == "slot-0"
    producer = producer_settings({})
    assert producer["partitioner"] == "murmur2_random"
    assert producer["acks"] == "all"
    # Room for what hops add to the gateway's 900,000; below the broker's limit for a whole batch.
    assert 1_800_000 <= producer["message.max.bytes"] == MAX_RECORD_BYTES <= 2_097_152 - 65_536
    assert "group.instance.id" not in consumer_settings({}, Member("g"))
