"""Events to the gateway over HTTP, one a request."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from traffic.ledger import Ack
from traffic.senders import AwayError, Refusal

CONNECTIONS = 32
ANSWER_WITHIN_S = 15.0
"""The gateway answers within five seconds of the body, whatever Kafka does; beyond this it is away."""

_WORTH_RETRYING = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class HttpSender:
    """A client that keeps its connections open."""

    name = "http"

    def __init__(self, url: str, api_key: str) -> None:
        """Take the gateway's base URL and a key; connects when the first event is sent."""
        self._session = aiohttp.ClientSession(
            url,
            headers={"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"},
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=ANSWER_WITHIN_S),
        )

    async def send(self, topic: str, value: Mapping[str, Any]) -> Ack | Refusal:
        """Send once; raises AwayError when it is worth another try."""
        path = f"/v1/topics/{quote(topic, '')}/events"
        try:
            async with self._session.post(path, data=orjson.dumps(value)) as response:
                body = await response.read()
                return answer_of(response.status, body, response.headers.get("Retry-After"))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise AwayError(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


def answer_of(status: int, body: bytes, retry_after: str | None) -> Ack | Refusal:
    """What an answer to a request with one event means.

    Raises:
        AwayError: the event is to be sent again, after `retry_after` seconds if that is a number.
    """
    if status == HTTPStatus.OK:
        result = orjson.loads(body)["results"][0]
        return Ack(result["partition"], result["offset"])
    if status in _WORTH_RETRYING:
        wish = float(retry_after) if retry_after and retry_after.isdecimal() else None
        raise AwayError(f"{status} {body[:200].decode(errors='replace')}", wish)
    return Refusal(str(status), body[:500].decode(errors="replace"))
