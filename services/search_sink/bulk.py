"""Pure: bulk requests, and what the answer says of each document.

https://docs.opensearch.org/latest/api-reference/document-apis/bulk/: the answer is 200 even when items
failed; each item has a status of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any

import orjson

from services.search_sink.documents import Document


class Fate(Enum):
    """What became of one document."""

    INDEXED = "indexed"
    PRESENT = "present"
    """409: this version or a newer one is there; an earlier attempt had come through."""

    RETRY = "retry"
    """No room or no node just now."""

    REFUSED = "refused"
    """The document itself is at fault; it would be refused again."""


@dataclass(slots=True)
class Sorted:
    """Documents of one answer by their fate; `refused` with OpenSearch's reason."""

    indexed: list[Document] = field(default_factory=list)
    present: list[Document] = field(default_factory=list)
    retry: list[Document] = field(default_factory=list)
    refused: list[tuple[Document, str, str]] = field(default_factory=list)


def bulk_body(documents: Iterable[Document]) -> bytes:
    """Return the lines of a bulk request that indexes each document under its own version."""
    lines: list[bytes] = []
    for document in documents:
        action = {
            "index": {
                "_index": document.index,
                "_id": document.id,
                "version": document.version,
                "version_type": "external",
            }
        }
        lines += (orjson.dumps(action), b"\n", orjson.dumps(document.source), b"\n")
    return b"".join(lines)


def fate_of(status: int, kind: str) -> Fate:
    """Return what an item's status, and the type of its error, say.

    A cluster block (a disk over its flood stage, an index read-only) has status 403, but passes.
    """
    if status < HTTPStatus.BAD_REQUEST:
        return Fate.INDEXED
    if status == HTTPStatus.CONFLICT:
        return Fate.PRESENT
    passes = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if passes or kind == "cluster_block_exception":
        return Fate.RETRY
    return Fate.REFUSED


def sort_out(documents: Sequence[Document], answer: Mapping[str, Any]) -> Sorted:
    """Return the documents of a request by what its answer says of them.

    Raises:
        ValueError: the answer is not one item for each document.
    """
    found = Sorted()
    for document, item in zip(documents, answer["items"], strict=True):
        (result,) = item.values()
        error = result.get("error") or {}
        kind = str(error.get("type", ""))
        fate = fate_of(int(result["status"]), kind)
        if fate is Fate.REFUSED:
            found.refused.append((document, kind or "refused", _reason(error)))
        else:
            {Fate.INDEXED: found.indexed, Fate.PRESENT: found.present, Fate.RETRY: found.retry}[fate].append(
                document
            )
    return found


def _reason(error: Mapping[str, Any]) -> str:
    """Return the error's sentence with that of its cause, which names the field."""
    sentences = [str(error.get("reason", "no reason given"))]
    cause = error.get("caused_by") or {}
    if cause.get("reason"):
        sentences.append(str(cause["reason"]))
    return ": ".join(sentences)
