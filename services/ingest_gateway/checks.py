"""Health checks with a state of their own."""

import asyncio
from typing import Final

from streamkit.registry import RegistryClient

_PERIOD_S: Final = 5.0


class Registry:
    """Whether the schema registry answers; asked now and then, outside the event loop."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._problem: str | None = "The schema registry has not been asked yet."

    def problem(self) -> str | None:
        """Return None while the registry answers, else one sentence."""
        return self._problem

    async def watch(self) -> None:
        """Ask until cancelled."""
        while True:
            self._problem = await asyncio.to_thread(self._client.unreachable)
            await asyncio.sleep(_PERIOD_S)


class Stopping:
    """Readiness falls first when the service stops, so that nobody new is sent here."""

    def __init__(self) -> None:
        self._begun = False

    def begin(self) -> None:
        """Say from now on that the service stops."""
        self._begun = True

    def problem(self) -> str | None:
        """Return None until the service stops."""
        return "The gateway is stopping." if self._begun else None
