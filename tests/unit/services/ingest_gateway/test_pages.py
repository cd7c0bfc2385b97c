import re

import httpx
from fastapi import FastAPI

from services.ingest_gateway.metrics import GatewayMetrics
from services.ingest_gateway.pages import pages
from tests.unit.services.ingest_gateway.world import ORDERS, World, world


def measured(place: World) -> None:
    GatewayMetrics.inflight_bytes.set(place.intake.budget.used + 5)


def site(ready: str | None = None, noted: str | None = None) -> FastAPI:
    place = world()
    return pages(
        lambda: place.routes.table,
        {"kafka": lambda: ready},
        {"registry": lambda: noted},
        lambda: measured(place),
    )


async def get(app: FastAPI, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
        return await http.get(path)


async def test_readiness_names_what_is_wrong() -> None:
    response = await get(site(ready="Kafka is silent."), "/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "failing", "checks": {"kafka": "Kafka is silent.", "registry": "ok"}}


async def test_a_registry_that_is_away_is_told_and_stops_nobody() -> None:
    response = await get(site(noted="The registry is away."), "/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["checks"]["registry"] == "The registry is away."


async def test_all_well() -> None:
    app = site()
    assert (await get(app, "/readyz")).json()["status"] == "ok"
    assert (await get(app, "/livez")).status_code == 200


async def test_topics_are_listed_with_their_fields() -> None:
    [topic] = (await get(site(), "/v1/topics")).json()["topics"]
    assert (topic["topic"], topic["key"], topic["schema_id"]) == (ORDERS, "buyer", 7)
    assert topic["fields"]["tenant"] == {"expected": "string", "required": False}


async def test_the_openapi_page_has_the_call_that_writes_events() -> None:
    app = site()
    page = await get(app, "/docs")
    assert page.status_code == 200
    assert "http" not in page.text
    for script in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert (await get(app, script)).status_code == 200
    document = (await get(app, "/openapi.json")).json()
    post = document["paths"]["/v1/topics/{topic}/events"]["post"]
    assert {"200", "207", "401", "413", "422", "503"} <= post["responses"].keys()
    assert post["responses"]["503"]["headers"]["Retry-After"]
    assert "/readyz" in document["paths"]
    for reference in _references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


async def test_metrics_have_the_service_in_their_name() -> None:
    assert "kapstan_ingest_gateway_inflight_bytes 5.0" in (await get(site(), "/metrics")).text


def _references(part: object) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [found for value in part.values() for found in _references(value)]
    return [found for value in part for found in _references(value)] if isinstance(part, list) else []
