"""Everything over HTTP but writing events: the list of topics, probes, metrics and the OpenAPI page."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import prometheus_client
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline

from services.ingest_gateway.explain import describe
from services.ingest_gateway.openapi import EVENTS_PATH, EVENTS_SCHEMAS, SECURITY
from services.ingest_gateway.route import Route, RouteTable
from streamkit.health import Check, outcome

VERSION: Final = "1"
_ABOUT: Final = (
    "Writes events of any topic of the catalogue into Kafka, each checked against its Avro schema."
)


def pages(
    table: Callable[[], RouteTable],
    ready: Mapping[str, Check],
    noted: Mapping[str, Check],
    measure: Callable[[], None],
) -> FastAPI:
    """Return the application.

    Args:
        table: the routes in force.
        ready: checks without which the gateway takes no events; /readyz answers 503 while one fails.
        noted: checks that /readyz reports and that do not stop the gateway.
        measure: sets the metrics that are not counted as things happen; called before they are read.
    """
    # FastAPI's own /docs loads its scripts from the internet, which a laptop or a cluster may not reach.
    app = FastAPIOffline(redoc_url=None, title="Kapstan ingest gateway", version=VERSION, description=_ABOUT)

    @app.get("/v1/topics", tags=["topics"], summary="Topics that take events, with their fields")
    def topics() -> dict[str, list[dict[str, Any]]]:
        return {"topics": [_topic(route) for route in table().routes.values()]}

    @app.get("/livez", tags=["operation"], summary="200 while the process serves requests")
    def livez() -> dict[str, object]:
        return {"status": "ok", "checks": {}}

    @app.get("/readyz", tags=["operation"], summary="200 while events are taken, else 503 and why")
    def readyz() -> JSONResponse:
        passed, results = outcome(ready)
        fine, notes = outcome(noted)
        status = "failing" if not passed else "ok" if fine else "degraded"
        return JSONResponse({"status": status, "checks": {**results, **notes}}, 200 if passed else 503)

    @app.get("/metrics", tags=["operation"], summary="Prometheus metrics")
    def metrics() -> Response:
        measure()
        return Response(prometheus_client.generate_latest(), media_type=prometheus_client.CONTENT_TYPE_LATEST)

    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _topic(route: Route) -> dict[str, Any]:
    return {
        "topic": route.topic,
        "schema_id": route.schema_id,
        "key": route.key_field,
        "event_id": route.id_field,
        "event_time": route.time_field,
        "fields": {
            field.name: {"expected": describe(field.type), "required": field.name in route.node.required()}
            for field in route.node.fields
        },
    }


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Add the call that FastAPI does not serve to the description of those that it does."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=_ABOUT, routes=app.routes)
        document["paths"] = {**EVENTS_PATH, **document["paths"]}
        components = document.setdefault("components", {})
        components.setdefault("schemas", {}).update(EVENTS_SCHEMAS)
        components["securitySchemes"] = SECURITY
        app.openapi_schema = document
    return app.openapi_schema
