import asyncio
from typing import Any

from services.ingest_gateway.checks import Registry, Stopping
from tests.unit.services.ingest_gateway.world import until


class Client:
    def __init__(self) -> None:
        self.problem: str | None = "no answer"

    def unreachable(self) -> str | None:
        return self.problem


async def test_the_registry_is_not_taken_for_well_before_it_was_asked() -> None:
    client: Any = Client()
    registry = Registry(client)
    assert "not been asked" in str(registry.problem())
    watching = asyncio.create_task(registry.watch())
    await until(lambda: registry.problem() == "no answer")
    watching.cancel()


def test_readiness_falls_when_the_service_stops() -> None:
    stopping = Stopping()
    assert stopping.problem() is None
    stopping.begin()
    assert stopping.problem()
