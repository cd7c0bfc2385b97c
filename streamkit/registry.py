"""Client of a schema registry that speaks Confluent's API, such as Apicurio's /apis/ccompat/v7."""

import json
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from streamkit.avro import InvalidSchemaError, Schema
from streamkit.errors import DeadLetterError, RetryableError, StopError

API = "/apis/ccompat/v7"
UNKNOWN_FOR_S = 10.0
"""How long an id stays unknown, so that a run of poison makes no run of requests."""


class Registered(NamedTuple):
    """One version of a subject: its global id and its schema."""

    schema_id: int
    version: int
    schema: Schema


class IncompatibleSchemaError(StopError):
    """The registry refuses a schema under the subject's compatibility level; the message says why."""


def subject_of(topic: str) -> str:
    """Return the subject that holds the value schemas of a topic (TopicNameStrategy)."""
    return f"{topic}-value"


class RegistryClient:
    """Schemas by id and by subject. Calls block for up to `attempts` times `timeout_s`; threads may share it.

    Every method raises RetryableError when the registry is away or answers 5xx or 429 after all attempts
    and StopError when it answers what no retry mends.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 5.0,
        attempts: int = 4,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = httpx.Client(base_url=url.rstrip("/") + API, timeout=timeout_s, transport=transport)
        self._url = url
        self._retrying = Retrying(
            retry=retry_if_exception_type(_TryAgainError),
            stop=stop_after_attempt(attempts),
            wait=wait_exponential_jitter(multiplier=0.05, max=1.0, jitter=0.05),
            sleep=sleep,
            retry_error_callback=_give_up,
        )
        self._clock = clock
        self._by_id: dict[int, Schema] = {}
        self._unknown_until: dict[int, float] = {}

    def close(self) -> None:
        """Close the connections; the client is not used afterwards."""
        self._http.close()

    def schema(self, schema_id: int) -> Schema:
        """Return the schema with this id, from memory when it was asked for before.

        Raises:
            DeadLetterError: reason `unknown_schema`; the registry does not know the id.
        """
        known = self._by_id.get(schema_id)
        if known is not None:
            return known
        body = None
        if self._unknown_until.get(schema_id, 0.0) <= self._clock():
            body = self._call("GET", f"/schemas/ids/{schema_id}", absent_is_none=True)
        if body is None:
            self._unknown_until[schema_id] = self._clock() + UNKNOWN_FOR_S
            raise DeadLetterError(
                f"The schema registry knows no schema with id {schema_id}.",
                reason="unknown_schema",
                schema_id=schema_id,
                hint="It may have been written for another registry",
            )
        schema = self._parsed(body)
        self._by_id[schema_id] = schema
        return schema

    def subjects(self, schema_id: int) -> list[str]:
        """Return the subjects that hold this schema; empty for an unknown id. Asks each time."""
        body = self._call("GET", f"/schemas/ids/{schema_id}/subjects", absent_is_none=True)
        return [str(subject) for subject in body or ()]

    def register(self, subject: str, schema: Schema) -> int:
        """Register a schema as the newest version and return its id; the same schema twice is one version.

        Raises:
            IncompatibleSchemaError: the subject's level forbids it.
        """
        body = self._call("POST", f"/subjects/{quote(subject, '')}/versions", {"schema": schema.text})
        return int(body["id"])

    def id_of(self, subject: str, schema: Schema) -> int | None:
        """Return the id under which the subject holds this schema, or None when it does not."""
        body = self._call(
            "POST", f"/subjects/{quote(subject, '')}", {"schema": schema.text}, absent_is_none=True
        )
        return None if body is None else int(body["id"])

    def latest(self, subject: str) -> Registered | None:
        """Return the newest version of a subject, or None when the subject does not exist."""
        body = self._call("GET", f"/subjects/{quote(subject, '')}/versions/latest", absent_is_none=True)
        return None if body is None else Registered(int(body["id"]), int(body["version"]), self._parsed(body))

    def conflicts(self, subject: str, schema: Schema) -> list[str] | None:
        """Return why the subject's level forbids the schema as its next version; None when it may be.

        The list is empty when the registry gives no reasons, as Apicurio 3.3 does.
        """
        body = self._call(
            "POST",
            f"/compatibility/subjects/{quote(subject, '')}/versions?verbose=true",
            {"schema": schema.text},
            absent_is_none=True,
        )
        if body is None or body.get("is_compatible"):
            return None
        return [str(message) for message in body.get("messages") or ()]

    def compatibility(self, subject: str | None = None) -> str | None:
        """Return the level set for a subject, None when none is; without a subject, the global level."""
        body = self._call("GET", _config(subject), absent_is_none=True)
        return None if body is None else str(body["compatibilityLevel"])

    def set_compatibility(self, level: str, subject: str | None = None) -> None:
        """Set the level of an existing subject; without a subject, the global level."""
        self._call("PUT", _config(subject), {"compatibility": level})

    def unreachable(self) -> str | None:
        """Return None when the registry answers, else one sentence; tries once for `timeout_s` at most."""
        try:
            self._http.get("/subjects").raise_for_status()
        except httpx.HTTPError as error:
            return f"The schema registry at {self._url} does not answer: {error or type(error).__name__}"
        return None

    def _parsed(self, body: Mapping[str, Any]) -> Schema:
        named: dict[str, Any] = {}
        for reference in body.get("references") or ():
            path = f"/subjects/{quote(reference['subject'], '')}/versions/{reference['version']}"
            named[reference["name"]] = self._parsed(self._call("GET", path)).definition
        try:
            return Schema(json.loads(body["schema"]), named)
        except (InvalidSchemaError, json.JSONDecodeError) as error:
            raise StopError(f"The schema registry holds a schema that is none: {error}") from error

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, absent_is_none: bool = False
    ) -> Any:
        response: httpx.Response = self._retrying(self._once, method, path, body)
        if response.status_code == HTTPStatus.NOT_FOUND and absent_is_none:
            return None
        if response.is_success:
            return response.json()
        kind = IncompatibleSchemaError if response.status_code == HTTPStatus.CONFLICT else StopError
        raise kind(
            f"The schema registry refuses {method} {path} with {response.status_code}: {_message(response)}"
        )

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        try:
            response = self._http.request(method, path, json=body)
        except httpx.TransportError as error:
            raise _TryAgainError(f"{self._url} does not answer: {error or type(error).__name__}") from error
        if response.is_server_error or response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            raise _TryAgainError(f"{method} {path} answers {response.status_code}: {_message(response)}")
        return response


class _TryAgainError(Exception):
    """The call failed in a way that may pass."""


def _give_up(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    raise RetryableError(f"The schema registry is away: {error}") from error


def _config(subject: str | None) -> str:
    return "/config" if subject is None else f"/config/{quote(subject, '')}"


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json().get("message", response.text))
    except (json.JSONDecodeError, AttributeError):
        return response.text[:200]
