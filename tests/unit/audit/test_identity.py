import pytest

from audit.effects import event_hash
from audit.identity import DeadLetterWatch, Identity, source_hash
from audit.stores import Place
from streamkit.errors import DeadLetterError
from streamkit.headers import EVENT_ID, SOURCE, TENANT
from streamkit.records import Record


def decode(value):
    if value == b"?":
        raise DeadLetterError("no", reason="undecodable")
    return {"id": value.decode(), "tenant": "t1"}


IDENTITY = Identity("topic-id", "id", decode, {})


def record(*headers, value=b"?"):
    return Record("raw", 2, 7, 0, None, value, headers)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (record((EVENT_ID, b"e"), (TENANT, b"t1")), event_hash(b"t1", b"e")),
        (record((EVENT_ID, b"e")), event_hash(b"default", b"e")),
        (record(value=b"e"), event_hash(b"t1", b"e")),
        (record((SOURCE, b"other@id/0/3")), source_hash(b"other@id/0/3")),
        (record(), source_hash(b"raw@topic-id/2/7")),
    ],
    ids=["headers", "no tenant named", "only in the value", "only behind the gateway", "nothing"],
)
def test_an_event_is_known_by_what_names_it_best(given, expected):
    assert IDENTITY(given) == expected


@pytest.mark.parametrize("given", [record(), record((SOURCE, b"raw@topic-id/2/7"), value=b"e")])
def test_what_went_back_is_the_event_that_it_is_in_its_repaired_form(given):
    identity = Identity("topic-id", "id", decode, {b"raw@topic-id/2/7": 11})
    assert identity(given) == 11
    assert identity(record((EVENT_ID, b"e"))) == event_hash(b"default", b"e")


def letter(service="enricher", value=b"?", **headers):
    return {
        "dead_letter_id": f"{service}:raw@topic-id/2/7",
        "service": service,
        "source_topic": "raw",
        "source_topic_id": "topic-id",
        "source_partition": 2,
        "source_offset": 7,
        "source_key": None,
        "source_value": value,
        "source_headers": [{"name": name, "value": value} for name, value in headers.items()],
    }


def identity_of(topic, topic_id):
    return Identity(topic_id, "id", decode, {}) if topic == "raw" else None


def watched(*letters, redriven=frozenset()):
    watch = DeadLetterWatch(lambda value: letters[int(value)], "search_sink", identity_of, redriven)
    watch([Record("dead", 0, n, 0, None, b"%d" % n) for n in range(len(letters))])
    return watch


def test_a_dead_letter_ends_the_event_that_its_headers_name():
    watch = watched(letter(**{EVENT_ID: b"e", TENANT: b"t1"}))
    assert watch.hashes.tolist() == [event_hash(b"t1", b"e")]


@pytest.mark.parametrize("value", [b"?", b"e"], ids=["undecodable", "decodable"])
def test_a_raw_record_in_the_dead_letters_is_the_event_it_was(value):
    """Also without the gateway's headers: another producer wrote it."""
    assert watched(letter(value=value)).hashes.tolist() == [IDENTITY(record(value=value))]


def test_a_letter_of_a_topic_without_events_stands_for_its_record():
    found = watched({**letter(), "source_topic": "rows"}).hashes.tolist()
    assert found == [source_hash(b"rows@topic-id/2/7")]


def test_a_sinks_dead_letter_ends_no_event():
    watch = watched(letter("search_sink"))
    assert watch.hashes.size == 0
    assert watch.aside == {Place("raw", "topic-id", 2): [7]}


def test_a_dead_letter_that_cannot_be_read_is_left_out():
    def refuse(_):
        raise DeadLetterError("no", reason="undecodable")

    watch = DeadLetterWatch(refuse, "search_sink", identity_of, frozenset())
    watch([Record("dead", 0, 0, 0, None, b"?")])
    assert watch.hashes.size == 0


@pytest.mark.parametrize("service", ["enricher", "search_sink"])
def test_a_letter_that_went_back_excuses_nothing_any_more(service):
    watch = watched(letter(service), redriven={f"{service}:raw@topic-id/2/7"})
    assert (list(watch.hashes), watch.aside) == ([], {})
