import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dead_letters.repair import Repair, json_of, merged, repaired, repaired_event
from streamkit.errors import DeadLetterError, StopError

SIMPLE = st.none() | st.booleans() | st.integers() | st.text()
DOCUMENTS = st.dictionaries(st.text(max_size=2), SIMPLE | st.dictionaries(st.text(max_size=2), SIMPLE))


class Json:
    """A codec whose values are a zero byte and JSON; a datum without `id` fits nothing."""

    def decode(self, value):
        try:
            return json.loads(value[1:])
        except ValueError:
            raise DeadLetterError("The bytes are none.", reason="undecodable") from None

    def encode(self, datum):
        if not isinstance(datum, dict) or "id" not in datum:
            raise DeadLetterError("no id", reason="unencodable")
        return b"\0" + json.dumps(datum).encode()


VALUE = b'\0{"id": "a", "amount": 1}'


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_patch_is_merged_as_the_rfc_says(target, patch, result):
    assert merged(target, patch) == result


@given(DOCUMENTS, DOCUMENTS)
def test_a_patch_twice_is_a_patch_once(target, patch):
    assert merged(merged(target, patch), patch) == merged(target, patch)


def test_without_a_repair_the_value_goes_as_it_was_even_when_it_cannot_be_read():
    assert repaired(b"poison", Repair(), Json()) == b"poison"
    assert repaired(None, Repair(key="k"), Json()) is None


def test_an_edit_changes_fields_and_a_value_replaces_all():
    assert repaired(VALUE, Repair(edit={"amount": 2}), Json()) == b'\0{"id": "a", "amount": 2}'
    assert repaired(b"poison", Repair(value=b'{"id": "b"}'), Json()) == b'\0{"id": "b"}'


def test_bytes_as_they_stand_in_the_topic_are_taken_as_they_are():
    assert repaired(b"poison", Repair(value=b'\0{"any":  1}'), Json()) == b'\0{"any":  1}'


@pytest.mark.parametrize(
    ("value", "repair", "says"),
    [
        (b"poison", Repair(edit={"amount": 2}), "Give all of it with --value"),
        (VALUE, Repair(edit={"id": None}), "no id"),
        (VALUE, Repair(value=b"{"), "is not JSON"),
        (VALUE, Repair(value=b"[1]"), "Mend the --value file"),
        (VALUE, Repair(value=b"\0poison"), "cannot be read: The bytes are none"),
    ],
)
def test_a_repair_that_nobody_could_read_is_refused(value, repair, says):
    with pytest.raises(StopError, match=says):
        repaired(value, repair, Json())


def test_an_event_of_the_gateway_is_json_before_and_after():
    assert repaired_event(b'{"id": 5}', Repair(edit={"id": "5"})) == {"id": "5"}
    assert repaired_event(b"no json", Repair(value=b'{"id": "5"}')) == {"id": "5"}
    for payload in (b"no json", b'[{"id": "5"}]'):
        with pytest.raises(StopError, match="JSON"):
            repaired_event(payload, Repair())


def test_what_is_not_json_is_named():
    with pytest.raises(StopError, match=r"mine\.json is not JSON"):
        json_of(b"\xff", "mine.json")
