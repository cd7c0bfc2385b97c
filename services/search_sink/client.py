"""The OpenSearch client: orjson in both directions, and errors sorted by what to do."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import orjson
from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConnectionError as SearchConnectionError
from opensearchpy.exceptions import SerializationError, TransportError
from opensearchpy.serializer import JSONSerializer

from services.search_sink.errors import SearchAwayError, SearchRefusedError

TIMEOUT_S = 30.0
_TOO_LARGE = 413


class OrjsonSerializer(JSONSerializer):
    """Halves the client's CPU time against the standard library's json."""

    def loads(self, s: Any) -> Any:
        """Parse JSON; raises SerializationError for anything else."""
        try:
            return orjson.loads(s)
        except orjson.JSONDecodeError as error:
            raise SerializationError(s, error) from error

    def dumps(self, data: Any) -> Any:
        """Return JSON text; bytes and text are taken to be JSON already."""
        return data if isinstance(data, bytes | str) else orjson.dumps(data).decode()


class TooLargeError(Exception):
    """The node takes no request of this size (413); smaller ones may pass."""


class Search:
    """What search_sink asks of OpenSearch. Calls block for up to TIMEOUT_S and retry nothing themselves."""

    def __init__(self, url: str) -> None:
        self._client = OpenSearch(
            [url], serializer=OrjsonSerializer(), timeout=TIMEOUT_S, max_retries=0, http_compress=False
        )

    def bulk(self, body: bytes) -> Mapping[str, Any]:
        """Send a bulk request and return its answer, one item per document.

        Raises:
            TooLargeError: split it.
            SearchAwayError: no answer, or 429 or 5xx for the request as a whole; some of it may be in.
            SearchRefusedError: any other status.
        """
        try:
            answer: Mapping[str, Any] = self._client.bulk(body=body)
        except (TransportError, SerializationError) as error:
            raise _sorted(error) from error
        return answer

    def put_templates(self, prefix: str) -> None:
        """Make every index template of this package; `prefix` is put before names and patterns.

        Raises:
            SearchAwayError: OpenSearch does not answer; call again.
            SearchRefusedError: it refuses a template.
        """
        for name, template in templates(prefix).items():
            try:
                self._client.indices.put_index_template(name=name, body=template)
            except (TransportError, SerializationError) as error:
                raise _sorted(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def templates(prefix: str) -> dict[str, dict[str, Any]]:
    """Return the index templates by name, for indices whose names begin with `prefix`."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(files("services.search_sink.templates").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".json"):
            template = orjson.loads(file.read_bytes())
            template["index_patterns"] = [f"{prefix}{pattern}" for pattern in template["index_patterns"]]
            found[f"kapstan-{prefix}{file.name.removesuffix('.json')}"] = template
    return found


def _sorted(error: TransportError | SerializationError) -> Exception:
    if isinstance(error, SerializationError | SearchConnectionError):
        return SearchAwayError(f"OpenSearch does not answer: {error}")
    status = error.status_code
    if status == _TOO_LARGE:
        return TooLargeError(str(error))
    if not isinstance(status, int) or status == 429 or status >= 500:
        return SearchAwayError(f"OpenSearch answers {status}: {error.error}")
    return SearchRefusedError(f"OpenSearch refuses a request with {status}: {error.error}")
