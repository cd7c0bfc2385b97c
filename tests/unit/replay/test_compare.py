"""Two stores, one of them tampered with: what is found, and what is shown of it."""

from types import SimpleNamespace

from replay.compare import Found, Pair, compare
from replay.entries import Gathering, Place, canonical, hashed
from replay.fields import ABSENT, differences
from replay.report import agrees, lines, to_json


class Held:
    """A store of records held in memory: source -> fields; `bytes_of` stands for their encoding."""

    def __init__(self, name, records, bytes_of=canonical):
        self.name = name
        self.records = list(records.items())
        self.bytes_of = bytes_of
        self.reads = 0

    def entries(self):
        gathering = Gathering()
        gathering.take(
            [
                (hashed(about.encode()), hashed(self.bytes_of(fields)), Place(0, at))
                for at, (about, fields) in enumerate(self.records)
            ]
        )
        return gathering.entries()

    def read(self, places):
        for place in places:
            self.reads += 1
            yield Found(place, *self.records[place.offset])


RECORDS = {
    f"t@id/0/{n}": {"key": f"c{n}", "value": {"amount": n, "reasons": [{"code": "a"}]}} for n in range(9)
}
REPLAY = SimpleNamespace(
    namespace="again", target=SimpleNamespace(name="enricher"), plan=SimpleNamespace(sides="recorded")
)


def test_the_same_records_in_another_order_are_equal_and_not_read_again():
    live, replayed = Held("t", RECORDS), Held("again.t", dict(reversed(RECORDS.items())))
    found = compare(Pair("t", live, replayed), 3)
    assert (found.agrees, found.equal, found.live, found.replayed) == (True, 9, 9, 9)
    assert live.reads == replayed.reads == 0
    assert "equals live: 9 records" in "\n".join(lines(REPLAY, [found], []))


def test_other_bytes_with_the_same_fields_are_equal():
    replayed = Held("again.t", RECORDS, lambda fields: b"another schema id" + canonical(fields))
    found = compare(Pair("t", Held("t", RECORDS), replayed), 3)
    assert (found.agrees, found.equal) == (True, 9)


def test_a_tampered_record_is_shown_field_by_field():
    changed = {**RECORDS, "t@id/0/4": {"key": "c4", "value": {"amount": 5, "reasons": [{"code": "b"}]}}}
    found = compare(Pair("t", Held("t", RECORDS), Held("again.t", changed)), 3)
    assert (found.agrees, found.differing, found.missing, found.extra, found.equal) == (False, 1, 0, 0, 8)
    text = "\n".join(lines(REPLAY, [found], ["a note"]))
    assert "differs: t@id/0/4" in text
    assert "live t/0/4, replayed again.t/0/4" in text
    assert "/value/amount          live 4" in text
    assert '/value/reasons/0/code  live "a"' in text
    assert "a note" in text
    assert text.endswith("The replay again DIFFERS from live.")
    answer = to_json(REPLAY, [found], [])
    assert answer["equal"] is agrees([found]) is False
    assert answer["compared"][0]["examples"][0]["fields"][0] == {
        "pointer": "/value/amount",
        "live": "4",
        "replayed": "5",
    }


def test_records_of_one_side_only_are_shown_and_no_more_than_asked_for():
    live = {name: fields for name, fields in RECORDS.items() if name != "t@id/0/8"}
    replayed = {name: fields for name, fields in RECORDS.items() if name not in ("t@id/0/0", "t@id/0/1")}
    found = compare(Pair("t", Held("t", live), Held("again.t", replayed)), 1)
    assert (found.missing, found.extra, found.equal) == (2, 1, 6)
    text = "\n".join(lines(REPLAY, [found], []))
    assert "only live has: t@id/0/0, at t/0/0" in text
    assert "only the replay has: t@id/0/8, at again.t/0/6" in text
    assert "t@id/0/1" not in text


def test_fields_are_compared_as_deep_as_they_go():
    live = {"a": {"b": 1, "gone": None}, "l": [1, 2], "m": [1]}
    other = {"a": {"b": 1.5, "new/one": b"\x02"}, "l": [1, 3], "m": [1, 2]}
    assert list(differences(live, other)) == [
        ("/a/b", "1", "1.5"),
        ("/a/gone", "null", ABSENT),
        ("/a/new~1one", ABSENT, '"0x02"'),
        ("/l/1", "2", "3"),
        ("/m", "[1]", "[1,2]"),
    ]
    assert list(differences(live, live)) == []
