"""POST /v1/topics/{topic}/events as a bare ASGI application: the hot path carries no framework.

A router, its dependencies and its response classes cost more than encoding the event does. Everything that
is not this one call goes to the FastAPI application in pages.py.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from services.ingest_gateway import answer
from services.ingest_gateway.config import GatewaySettings
from services.ingest_gateway.errors import (
    BODY_TOO_LARGE,
    BODY_TOO_SLOW,
    MEDIA_TYPE,
    FieldError,
    Kind,
    RefusedError,
)
from services.ingest_gateway.explain import cut
from services.ingest_gateway.intake import Intake
from services.ingest_gateway.metrics import GatewayMetrics
from services.ingest_gateway.reject import MAX_PAYLOAD
from services.ingest_gateway.split import records_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

_PREFIX: Final = "/v1/topics/"
_SUFFIX: Final = "/events"
_JSON: Final = (b"content-type", b"application/json")
_PROBLEM: Final = (b"content-type", b"application/problem+json")
_BEARER: Final = b"bearer "
_IDENTITY: Final = b"identity"
_INTERNAL: Final = Kind("internal_error", 500, "INTERNAL")
_log = logging.getLogger(__name__)


class _ClientGoneError(Exception):
    """The client closed the connection before its body was complete; there is nobody to answer."""


class _TooLargeError(Exception):
    """The body is above the limit; `head` is what was read of it."""

    def __init__(self, size: str, head: bytes) -> None:
        super().__init__(size)
        self.size = size
        self.head = head


class HttpDoor:
    """Answers the call that writes events, and hands every other one to `pages`."""

    def __init__(self, intake: Intake, settings: GatewaySettings, pages: App) -> None:
        self._intake = intake
        self._settings = settings
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        path = scope.get("path", "")
        if scope.get("method") == "POST" and path.startswith(_PREFIX) and path.endswith(_SUFFIX):
            await self._events(path[len(_PREFIX) : -len(_SUFFIX)], dict(scope["headers"]), receive, send)
        else:
            await self._pages(scope, receive, send)

    async def _events(self, topic: str, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        extra: list[Header]
        try:
            status, body, extra = await self._results(topic, headers, receive)
            code = answer.code_of(status)
        except RefusedError as refused:
            status, body, extra, code = _refusal(refused)
        except _ClientGoneError:
            return
        except Exception:  # noqa: BLE001 - the client gets an answer whatever fails
            _log.exception("A request to %s failed", topic[:200])
            status, body, extra, code = _refusal(
                RefusedError(_INTERNAL, "The gateway failed; its log says why.")
            )
        GatewayMetrics.answers_total.inc(protocol="http", code=code)
        GatewayMetrics.request_seconds.observe(time.perf_counter() - started, protocol="http")
        extra.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": extra})
        await send({"type": "http.response.body", "body": body})

    async def _results(
        self, topic: str, headers: dict[bytes, bytes], receive: Receive
    ) -> tuple[int, bytes, list[Header]]:
        key = headers.get(b"kapstan-key")
        ticket = self._intake.admit(
            topic,
            api_key_of(headers),
            None if key is None else key.decode("utf-8", "replace"),
            headers.get(b"traceparent"),
        )
        if (coding := headers.get(b"content-encoding", _IDENTITY)) != _IDENTITY:
            raise RefusedError(
                MEDIA_TYPE,
                f"A body in {cut(coding.decode('latin-1'))!r} is not taken.",
                hint="Send it as it is.",
            )
        reading = _Reading(self._intake, self._settings, headers)
        try:
            body = await reading.body(receive)
            media_type = headers.get(b"content-type", b"").decode("latin-1")
            limit = self._settings.max_batch_records
            pending = await self._intake.begin(
                ticket, lambda: body, lambda: records_of(body, media_type, limit)
            )
            results = await pending.results()
        except _TooLargeError as error:
            refused = self._too_large(error)
            await self._intake.keep(ticket, refused, error.head)
            raise refused from None
        finally:
            reading.release()
        return (
            answer.status_of(results),
            answer.results_body(results),
            [_JSON, *_retry_after(answer.retry_after(results))],
        )

    def _too_large(self, error: _TooLargeError) -> RefusedError:
        limit = self._settings.max_body_bytes
        return RefusedError(
            BODY_TOO_LARGE,
            f"The body has {error.size}, more than {limit} bytes.",
            hint="Send several smaller batches.",
            errors=(FieldError("", f"a body of at most {limit} bytes", error.size),),
        )


class _Reading:
    """Reads one body within the limits of size, time and memory."""

    def __init__(self, intake: Intake, settings: GatewaySettings, headers: dict[bytes, bytes]) -> None:
        self._budget = intake.budget
        self._limit = settings.max_body_bytes
        self._timeout_s = settings.body_timeout_s
        length = headers.get(b"content-length", b"")
        self._announced = int(length) if length.isdigit() else 0
        self._taken = 0

    async def body(self, receive: Receive) -> bytes:
        """Return the whole body.

        Raises:
            RefusedError: no room for it now, or it came too slowly.
            _TooLargeError: it is above the limit.
            _ClientGoneError: it never came whole.
        """
        # Room is taken as bytes arrive: a client that announces many and sends none holds nobody up.
        self._budget.demand(min(self._announced, self._limit))
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._whole(receive)
        except TimeoutError:
            text = f"The body did not arrive within {self._timeout_s:g} s."
            raise RefusedError(BODY_TOO_SLOW, text, hint="Send smaller batches.") from None

    def release(self) -> None:
        """Give back the room that was taken."""
        self._budget.give_back(self._taken)

    async def _whole(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size, more = 0, True
        stop_at = MAX_PAYLOAD + 1 if self._announced > self._limit else self._limit + 1
        while more and size < stop_at:
            message = await self._next(receive)
            chunk: bytes = message.get("body", b"")
            self._budget.take(len(chunk))
            self._taken += len(chunk)
            chunks.append(chunk)
            size += len(chunk)
            more = message.get("more_body", False)
        body = b"".join(chunks)
        if more:
            total = f"{self._announced} bytes" if self._announced else f"more than {self._limit} bytes"
            raise _TooLargeError(total, body[: MAX_PAYLOAD + 1])
        if size > self._limit:
            raise _TooLargeError(f"{size} bytes", body[: MAX_PAYLOAD + 1])
        return body

    @staticmethod
    async def _next(receive: Receive) -> MutableMapping[str, Any]:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGoneError
        return message


def api_key_of(headers: Mapping[bytes, bytes]) -> bytes | None:
    """Return the API key of a request: the bearer token, else X-API-Key."""
    authorization = headers.get(b"authorization")
    if authorization is not None and authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    return headers.get(b"x-api-key")


def _retry_after(seconds: int | None) -> list[Header]:
    return [] if seconds is None else [(b"retry-after", b"%d" % seconds)]


def _refusal(refused: RefusedError) -> tuple[int, bytes, list[Header], str]:
    extra = [_PROBLEM, *_retry_after(refused.retry_after_s)]
    if refused.kind.http == 401:
        extra.append((b"www-authenticate", b"Bearer"))
    if refused.kind in {BODY_TOO_LARGE, BODY_TOO_SLOW}:
        extra.append((b"connection", b"close"))  # nobody reads what is still to come
    return refused.kind.http, answer.problem_body(refused), extra, refused.kind.code
