import json

import pytest

from dead_letters.letter import from_dead_letter, from_reject
from dead_letters.shown import hexdump, overview, readable, report
from streamkit.errors import DeadLetterError
from tests.support.put_aside import DEAD, REJECT, SCHEMA, VALUE


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
