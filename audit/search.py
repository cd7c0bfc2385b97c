"""What OpenSearch holds: the places of the records that its documents were made from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from opensearchpy import OpenSearch
from opensearchpy.exceptions import OpenSearchException

from audit.stores import Holdings, Offsets, Place
from replay.bronze import Spans
from streamkit.errors import RetryableError

_PAGE = 10_000
_KEPT = "2m"


class Search:
    """Reads indices. Every call blocks and raises RetryableError when OpenSearch does not answer."""

    def __init__(self, url: str) -> None:
        self._client = OpenSearch([url], timeout=60, max_retries=2)

    def holds(self, family: str, topic: str, spans: Spans | None = None) -> Holdings:
        """Return the offsets of the documents in the indices `<family>-*`, with `spans` those inside them."""
        found: dict[Place, Offsets] = {}
        try:
            self._client.indices.refresh(index=f"{family}-*")
            for hits in self._pages(f"{family}-*", _inside(spans)):
                _take(topic, hits, found)
        except OpenSearchException as error:
            raise RetryableError(f"OpenSearch does not answer: {error}") from error
        return {place: offsets.holding() for place, offsets in found.items()}

    def _pages(self, index: str, which: Mapping[str, Any]) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Yield the documents of a query, page by page, as they were at the first one."""
        fields = ["topic_id", "partition", "offset"]
        query = {"_source": False, "docvalue_fields": fields, "sort": ["_doc"], "query": which}
        answer = self._client.search(index=index, body=query, params={"scroll": _KEPT, "size": _PAGE})
        try:
            while answer["hits"]["hits"]:
                yield answer["hits"]["hits"]
                scroll = {"scroll": _KEPT, "scroll_id": answer["_scroll_id"]}
                answer = self._client.scroll(body=scroll)
        finally:
            if "_scroll_id" in answer:  # not when no index has the name
                self._client.clear_scroll(body={"scroll_id": answer["_scroll_id"]})

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _inside(spans: Spans | None) -> Mapping[str, Any]:
    """Return the query for documents of records inside the spans."""
    if spans is None:
        return {"match_all": {}}
    if not spans:
        return {"match_none": {}}
    parts = [
        {"bool": {"filter": [{"term": {"partition": p}}, {"range": {"offset": {"gte": start, "lt": end}}}]}}
        for p, (start, end) in spans.items()
    ]
    return {"bool": {"should": parts, "minimum_should_match": 1}}


def _take(topic: str, hits: Sequence[Mapping[str, Any]], found: dict[Place, Offsets]) -> None:
    by_place: dict[Place, list[int]] = {}
    for hit in hits:
        fields = hit["fields"]
        place = Place(topic, fields["topic_id"][0], fields["partition"][0])
        by_place.setdefault(place, []).append(fields["offset"][0])
    for place, offsets in by_place.items():
        found.setdefault(place, Offsets()).add(np.array(offsets, np.int64))
