import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search_sink.bulk import Fate, bulk_body, fate_of, sort_out
from services.search_sink.documents import Document
from streamkit.records import Record


def document(offset):
    return Document(
        Record("t", 0, offset, 0, None, b""), "decisions-2026-01-31", f"t/{offset}", offset, {"n": offset}
    )


def item(status, kind="", reason="because", cause=None):
    error = {"type": kind, "reason": reason, **({"caused_by": {"reason": cause}} if cause else {})}
    return {"index": {"status": status, **({"error": error} if status >= 400 else {})}}


def test_each_document_is_indexed_under_its_own_version():
    lines = [orjson.loads(line) for line in bulk_body([document(7)]).splitlines()]
    place = {"_index": "decisions-2026-01-31", "_id": "t/7", "version": 7, "version_type": "external"}
    assert lines == [{"index": place}, {"n": 7}]
    assert bulk_body([document(7)]).endswith(b"\n")


@pytest.mark.parametrize(
    ("status", "kind", "fate"),
    [
        (200, "", Fate.INDEXED),
        (201, "", Fate.INDEXED),
        (400, "mapper_parsing_exception", Fate.REFUSED),
        (403, "security_exception", Fate.REFUSED),
        (403, "cluster_block_exception", Fate.RETRY),
        (404, "index_not_found_exception", Fate.REFUSED),
        (409, "version_conflict_engine_exception", Fate.PRESENT),
        (429, "rejected_execution_exception", Fate.RETRY),
        (500, "exception", Fate.RETRY),
        (503, "unavailable_shards_exception", Fate.RETRY),
    ],
)
def test_an_items_status_decides_its_fate(status, kind, fate):
    assert fate_of(status, kind) is fate


def test_a_refusal_names_the_field_at_fault():
    answer = {"items": [item(400, "mapper_parsing_exception", "failed to parse", "field [n] is no number")]}
    assert sort_out([document(1)], answer).refused == [
        (document(1), "mapper_parsing_exception", "failed to parse: field [n] is no number")
    ]


@given(st.lists(st.sampled_from([200, 201, 400, 409, 413, 429, 500, 503])))
def test_every_document_has_exactly_one_fate(statuses):
    documents = [document(offset) for offset in range(len(statuses))]
    found = sort_out(documents, {"items": [item(status) for status in statuses]})
    sorted_out = [*found.indexed, *found.present, *found.retry, *[refused for refused, *_ in found.refused]]
    assert sorted(each.version for each in sorted_out) == list(range(len(statuses)))


def test_an_answer_for_other_documents_is_an_error():
    with pytest.raises(ValueError, match="shorter"):
        sort_out([document(1), document(2)], {"items": [item(200)]})
