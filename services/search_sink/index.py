"""Bring documents into OpenSearch: sent again while it has no room, handed back when it refuses for good."""

from collections.abc import Sequence

from services.search_sink.bulk import bulk_body, sort_out
from services.search_sink.client import Search, TooLargeError
from services.search_sink.documents import Document
from services.search_sink.errors import SearchAwayError
from services.search_sink.metrics import SearchMetrics
from streamkit.clock import Clock

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0

Refusal = tuple[Document, str, str]
"""A document, the type of OpenSearch's error, and its reason."""


class Indexer:
    """Sends documents until each is in, was in, or is refused for good."""

    def __init__(self, search: Search, clock: Clock, retry_s: float) -> None:
        self._search = search
        self._clock = clock
        self._retry_s = retry_s

    def index(self, documents: Sequence[Document]) -> list[Refusal]:
        """Index the documents, in their order, and return those that OpenSearch refuses for good.

        Blocks. Raises SearchAwayError when some are still refused for now after the time limit; the others
        are in, and may be sent again without harm.
        """
        refused: list[Refusal] = []
        deadline = self._clock.monotonic() + self._retry_s
        pause_s = _FIRST_PAUSE_S
        while documents:
            documents = self._send(documents, refused)
            if documents:
                if self._clock.monotonic() + pause_s > deadline:
                    raise SearchAwayError(f"OpenSearch has no room for {len(documents)} documents")
                SearchMetrics.retried_records.inc(len(documents))
                self._clock.sleep(pause_s)
                pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)
        return refused

    def _send(self, documents: Sequence[Document], refused: list[Refusal]) -> Sequence[Document]:
        """Send one request, or halves of it; return what to send again."""
        try:
            with SearchMetrics.bulk_seconds.time():
                answer = self._search.bulk(bulk_body(documents))
        except TooLargeError as error:
            if len(documents) == 1:
                refused.append((documents[0], "too_large", str(error)))
                return []
            middle = len(documents) // 2
            return [*self._send(documents[:middle], refused), *self._send(documents[middle:], refused)]
        found = sort_out(documents, answer)
        for document in found.indexed:
            SearchMetrics.indexed_records.inc(family=family_of(document))
        for document in found.present:
            SearchMetrics.present_records.inc(family=family_of(document))
        refused += found.refused
        return found.retry


def family_of(document: Document) -> str:
    """Return the family that the document's index belongs to: its name without the day."""
    return document.index[: -len("-2026-01-31")]
