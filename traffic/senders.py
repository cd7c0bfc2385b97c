"""What a client of the gateway does with one event: send it until there is an answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from traffic.ledger import Ack

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """The gateway will never take this event; sending it again does not help."""

    status: str
    detail: str


class AwayError(Exception):
    """The gateway did not take the event now; `retry_after_s` is its own wish, if it had one."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Sender(Protocol):
    """One way to the gateway."""

    name: str

    async def send(self, topic: str, value: Mapping[str, Any]) -> Ack | Refusal:
        """Send once; raises AwayError when it is worth another try."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


async def send_until_answered(
    sender: Sender,
    topic: str,
    value: Mapping[str, Any],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    on_retry: Callable[[AwayError], None] = lambda _error: None,
) -> Ack | Refusal:
    """Send an event until the gateway takes or refuses it.

    A retry after a lost answer writes the event twice: the platform's repeats. Waits as long as the gateway
    asked for (Retry-After), else twice as long each time, up to five seconds. Ends only by cancellation.
    """
    wait_s = FIRST_WAIT_S
    while True:
        try:
            return await sender.send(topic, value)
        except AwayError as error:
            on_retry(error)
            await sleep(wait_s if error.retry_after_s is None else error.retry_after_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
