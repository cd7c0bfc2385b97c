import json
from dataclasses import replace
from weakref import ref

import pytest

from cli.letters import chosen, from_dead_letter, from_reject, hexdump, newest_of, overview, readable, report
from streamkit.avro import Schema
from streamkit.errors import DeadLetterError
from streamkit.serde import AvroEncoder

SCHEMA = Schema.of(
    {
        "type": "record",
        "name": "Click",
        "fields": [
            {"name": "id", "type": "string"},
            {
                "name": "user",
                "type": {"type": "record", "name": "User", "fields": [{"name": "age", "type": "int"}]},
            },
            {"name": "tags", "type": {"type": "array", "items": ["null", "string"]}},
        ],
    }
)
VALUE = AvroEncoder(SCHEMA, 7).encode({"id": "w1", "user": {"age": 40}, "tags": ["a", None]})
DEAD = {
    "dead_letter_id": "refiner:clicks.v1@id/2/9",
    "service": "refiner",
    "reason": "undecodable",
    "detail": "The bytes are no Click.",
    "field_path": "/user/age",
    "schema_id": 7,
    "source_topic": "clicks.v1",
    "source_topic_id": "id",
    "source_partition": 2,
    "source_offset": 9,
    "source_key": b"u1",
    "source_value": VALUE[:-5],
    "source_headers": [{"name": "kapstan-tenant", "value": b"acme"}, {"name": "raw", "value": b"\xff"}],
    "traceparent": "00-a-b-01",
    "event_time": 1_790_000_000_000,
}
REJECT = {
    "reject_id": "r1",
    "tenant": "acme",
    "topic": "clicks.v1",
    "reason": "invalid_record",
    "errors": [
        {"pointer": "/id", "expected": "string", "got": "5"},
        {"pointer": "/tags", "expected": "array", "got": "null"},
    ],
    "payload": b'{"id": 5}',
    "event_time": 1_790_000_001_000,
}


class Schemas:
    def schema(self, schema_id):
        if schema_id != 7:
            raise DeadLetterError(f"no schema {schema_id}", reason="unknown_schema")
        return SCHEMA


def test_a_dead_letter_is_shown_whole_and_read_up_to_the_fault():
    assert list(report(from_dead_letter(17, DEAD), Schemas())) == [
        "id       refiner:clicks.v1@id/2/9",
        "time     2026-09-21 14:13:20 UTC",
        "service  refiner",
        "reason   undecodable",
        "detail   The bytes are no Click.",
        "field    /user/age",
        "origin   clicks.v1@id/2/9",
        "trace    00-a-b-01",
        "key      u1",
        "headers",
        "  kapstan-tenant = acme",
        "  raw = 0xff",
        "value    10 bytes",
        "  000000  00 00 00 00 07 04 77 31 50 04                    ......w1P.",
        "as far as it can be read",
        "  /id = 'w1'",
        "  /user/age = 40",
        "  /tags/0: it takes 1 bytes and 0 are left",
    ]


def test_a_reject_names_every_error_and_shows_its_text():
    lines = list(report(from_reject(3, REJECT), Schemas()))
    assert "detail   /id: expected string, got 5; /tags: expected array, got null" in lines
    assert "origin   tenant acme, meant for clicks.v1" in lines
    assert lines[-1] == '  {"id": 5}'


def test_a_record_without_value_says_so():
    lines = list(report(from_dead_letter(1, {**DEAD, "source_value": None, "source_key": None}), Schemas()))
    assert lines[-1] == "value    none"
    assert not any(line.startswith("key") for line in lines)


def test_a_long_value_is_cut_in_text_and_whole_in_json():
    letter = from_dead_letter(1, {**DEAD, "source_value": b"x" * 2000})
    assert "  ... 976 more; --json has them all" in list(report(letter, Schemas()))
    assert json.loads(json.dumps(letter.to_json()))["value"] == "78" * 2000


def test_the_overview_fits_its_columns():
    assert list(overview([from_dead_letter(17, DEAD), from_reject(3, REJECT)])) == [
        "d17  2026-09-21 14:13:20  refiner         undecodable     clicks.v1  /user/age",
        "     The bytes are no Click.",
        "g3   2026-09-21 14:13:21  ingest_gateway  invalid_record  clicks.v1  /id",
        "     /id: expected string, got 5; /tags: expected array, got null",
    ]
    assert list(overview([])) == []


@pytest.mark.parametrize(
    ("service", "reason", "refs"),
    [
        (None, None, ["d1", "g2"]),
        ("refiner", None, ["d1"]),
        (None, "invalid_record", ["g2"]),
        ("refiner", "invalid_record", []),
    ],
)
def test_letters_are_chosen_by_service_and_reason(service, reason, refs):
    letters = [from_dead_letter(1, DEAD), from_reject(2, REJECT)]
    assert [letter.ref for letter in chosen(letters, service, reason)] == refs


@pytest.mark.parametrize(
    ("times", "most", "kept"),
    [
        ([], 2, []),
        ([3, 1], 5, ["d1", "d0"]),
        ([5, 1, 4, 2, 3], 2, ["d2", "d0"]),
        ([7, 7, 7, 7], 2, ["d2", "d3"]),
    ],
)
def test_the_newest_are_kept_the_oldest_of_them_first(times, most, kept):
    letters = [from_dead_letter(number, {**DEAD, "event_time": at}) for number, at in enumerate(times)]
    newest, count = newest_of(letters, most)
    assert ([letter.ref for letter in newest], count) == (kept, len(times))


def test_no_more_letters_are_held_than_are_wanted():
    made, most_alive = [], 0

    def letters():
        nonlocal most_alive
        for number in range(100):
            letter = replace(from_dead_letter(number, DEAD), at_ms=number)
            made.append(ref(letter))
            most_alive = max(most_alive, sum(one() is not None for one in made))
            yield letter

    assert len(newest_of(letters(), 5)[0]) == 5
    assert most_alive <= 8


def test_what_can_be_read_of_a_whole_value_is_all_of_it():
    assert list(readable(VALUE, Schemas())) == [
        "/id = 'w1'",
        "/user/age = 40",
        "/tags/0 = 'a'",
        "/tags/1 = None",
    ]


@pytest.mark.parametrize(("value", "lines"), [(b"junk", 2), (b"\x00\x00\x00\x00\x09\x02", 2)])
def test_what_cannot_be_read_says_why(value, lines):
    assert len(list(readable(value, Schemas()))) == lines


def test_hexdump_keeps_columns():
    assert list(hexdump(bytes(range(0x40, 0x52)))) == [
        "  000000  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO",
        "  000010  50 51                                            PQ",
    ]


@pytest.mark.parametrize("at_ms", [2**63 - 1, -(2**63), 253_402_300_800_000])
def test_a_letter_of_a_time_that_no_calendar_has_can_be_looked_at(at_ms):
    letter = from_dead_letter(5, DEAD | {"event_time": at_ms})
    assert f"time     {at_ms} ms from 1970 UTC" in report(letter, Schemas())
    assert f"{at_ms} ms from 1970" in next(overview([letter]))
