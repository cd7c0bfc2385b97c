import pytest

from streamkit.catalogue import Catalogue, Topic, UnknownTopicError
from streamkit.codecs import DEAD_LETTERS, Codecs
from streamkit.deadletters import dead_letter_of
from streamkit.errors import RetryableError
from streamkit.records import MAX_RECORD_BYTES, Record, Rejected
from streamkit.registry import subject_of
from streamkit.testing.registry import MemoryRegistry
from tests.support.catalogues import SCHEMAS

CLICKS = "web.clicks.v1"


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue.load(SCHEMAS)


@pytest.fixture
def codecs(catalogue):
    client = MemoryRegistry().client()
    for name in (CLICKS, DEAD_LETTERS):
        client.register(subject_of(name), catalogue[name].schema)
    return Codecs(catalogue, client)


def test_what_is_encoded_is_decoded(codecs):
    beat = codecs.heartbeat(CLICKS)(1_790_000_000_000)
    datum = codecs.decoder(CLICKS).decode(beat)
    assert (datum["event_time"], datum["tenant"], datum["product_id"]) == (1_790_000_000_000, "default", None)
    assert codecs.encoder(CLICKS).encode(datum) == beat


def test_a_dead_letter_keeps_the_record_whole(codecs):
    headers = (("traceparent", b"00-1-2-01"), ("kapstan-tenant", b"acme"))
    record = Record(CLICKS, 2, 9, 1_790_000_000_000, b"u1", b"\xff\x00", headers)
    letter = dead_letter_of(Rejected(record, "no_magic", "It is junk.", "/a", 4), "refiner", "topic-id")
    datum = codecs.decoder(DEAD_LETTERS).decode(codecs.dead_letters()(letter))
    assert datum == {
        "dead_letter_id": "refiner:web.clicks.v1@topic-id/2/9",
        "service": "refiner",
        "reason": "no_magic",
        "detail": "It is junk.",
        "field_path": "/a",
        "schema_id": 4,
        "source_topic": CLICKS,
        "source_topic_id": "topic-id",
        "source_partition": 2,
        "source_offset": 9,
        "source_key": b"u1",
        "source_value": b"\xff\x00",
        "source_headers": [{"name": name, "value": value} for name, value in headers],
        "traceparent": "00-1-2-01",
        "event_time": 1_790_000_000_000,
    }


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"k", b"v" * 2_097_000, ()),
        (b"k" * 2_097_000, b"v", ()),
        (b"k" * 1_000_000, b"v" * 1_000_000, ()),
        (None, b"v", (("h", b"w" * 2_097_000),)),
        (None, None, (("traceparent", b"w" * 1_900_000),)),
        (b"k", b"v" * 1_000_000, (("n" * 250_000, b""),) * 4),
        (b"k", b"v" * 10, (("h", b"w"),) * 400_000),
    ],
    ids=["value", "key", "both", "header", "trace", "names", "many headers"],
)
def test_a_dead_letter_of_whatever_kafka_takes_fits_into_a_record(codecs, key, value, headers):
    record = Record(CLICKS, 2, 9, 1, key, value, headers)
    rejected = Rejected(record, "no_magic", "\U0001f480" * 1_000_000, "/a" * 1_000_000)
    encoded = codecs.dead_letters()(dead_letter_of(rejected, "refiner", "topic-id"))
    # Its own headers, at most some 10 kB, have to fit beside it.
    assert len(encoded) < MAX_RECORD_BYTES - 20_000


def test_a_topic_that_is_not_applied_yet_is_retryable(catalogue):
    with pytest.raises(
        RetryableError, match=r"schema of web.clicks.v1 is not registered. Run `kapstan topics apply`"
    ):
        Codecs(catalogue, MemoryRegistry().client()).encoder(CLICKS)


def test_an_unknown_topic_is_named(codecs):
    with pytest.raises(UnknownTopicError, match="no topic 'nope'"):
        codecs.decoder("nope")


def test_an_id_in_the_catalogue_is_taken_without_asking(catalogue):
    registry = MemoryRegistry()
    registry.away = True
    topic = Topic(catalogue[CLICKS].spec, catalogue[CLICKS].schema, 77)
    assert (
        Codecs(catalogue, registry.client())
        .encoder_of(topic)
        .encode({"click_id": "c", "user_id": "u", "page": "/", "event_time": 1})
        .startswith(b"\x00\x00\x00\x00\x4d")
    )
