import orjson
import pytest

from services.search_sink.client import TooLargeError
from services.search_sink.documents import Document
from services.search_sink.errors import SearchAwayError
from services.search_sink.index import Indexer, family_of
from streamkit.records import Record


class Node:
    """An OpenSearch that answers each document with what the test has laid out for it."""

    def __init__(self, **fates):
        self.fates = {int(name[1:]): list(statuses) for name, statuses in fates.items()}
        self.largest = 10**9
        self.requests = []

    def bulk(self, body):
        sources = [orjson.loads(line)["n"] for line in body.splitlines()[1::2]]
        self.requests.append(sources)
        if len(body) > self.largest:
            raise TooLargeError("413")
        statuses = [self.fates[n].pop(0) if self.fates.get(n) else 201 for n in sources]
        return {"items": [{"index": {"status": s, "error": {"type": "e", "reason": "r"}}} for s in statuses]}


class Clock:
    def __init__(self):
        self.time = 0.0

    def monotonic(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds


def documents(count):
    return [
        Document(Record("t", 0, n, 0, None, b""), "dead-letters-2026-01-31", f"t/{n}", n, {"n": n})
        for n in range(count)
    ]


def index(node, count=3, retry_s=20.0):
    return Indexer(node, Clock(), retry_s).index(documents(count))


def test_only_what_was_refused_for_now_is_sent_again():
    node = Node(n1=[429, 503])
    assert index(node) == []
    assert node.requests == [[0, 1, 2], [1], [1]]


def test_what_was_there_already_is_in():
    node = Node(n0=[409], n1=[409])
    assert index(node) == []
    assert len(node.requests) == 1


def test_what_is_refused_for_good_comes_back_with_its_reason():
    node = Node(n1=[400], n2=[429, 400])
    assert [(document.version, kind, reason) for document, kind, reason in index(node)] == [
        (1, "e", "r"),
        (2, "e", "r"),
    ]


def test_a_node_that_stays_full_is_an_error_that_passes():
    with pytest.raises(SearchAwayError, match="no room for 1 documents"):
        index(Node(n1=[429] * 100), retry_s=3.0)


def test_a_request_that_is_too_large_is_halved():
    node = Node()
    node.largest = 400
    assert index(node, count=6) == []
    accepted = [sources for sources in node.requests if len(sources) <= 3]
    assert sorted(n for sources in accepted for n in sources) == list(range(6))


def test_a_document_that_is_too_large_alone_is_refused_for_good():
    node = Node()
    node.largest = 10
    assert [(document.version, kind) for document, kind, _ in index(node, count=2)] == [
        (0, "too_large"),
        (1, "too_large"),
    ]


def test_nothing_to_index_asks_nothing():
    node = Node()
    assert index(node, count=0) == []
    assert node.requests == []


def test_a_family_is_the_index_without_its_day():
    assert family_of(documents(1)[0]) == "dead-letters"
