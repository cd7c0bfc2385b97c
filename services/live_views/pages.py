"""The HTTP side: views, probes and metrics as JSON and Prometheus text, in the loop that owns the tables."""

import time
from collections.abc import Mapping
from typing import Any, get_args

import prometheus_client
from aiohttp import web
from mode import Service

from services.live_views.config import LiveViewsSettings
from services.live_views.rank import Order, balances, top_merchants
from services.live_views.tables import ViewTables
from streamkit.health import Check, outcome

MOST_MERCHANTS = 1000


class Pages(Service):
    """Serves the views on the settings' address; answers 503 until the tables are complete."""

    def __init__(
        self, settings: LiveViewsSettings, tables: ViewTables, ready: Mapping[str, Check], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._settings = settings
        self._tables = tables
        self._ready = ready
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        """Listen; raises OSError when the port is taken."""
        app = web.Application()
        app.router.add_get("/", self._index)
        app.router.add_get("/views/balance/{customer}", self._balance)
        app.router.add_get("/views/top-merchants", self._top_merchants)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._settings.http_host, self._settings.http_port).start()

    async def on_stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _index(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "service": "live_views",
                "pages": {
                    "/views/balance/{customer}": "credit limit minus approved amounts; ?tenant=default",
                    "/views/top-merchants": "approved payments of the recent hour; "
                    "?by=count|amount&limit=10&tenant=default",
                    "/livez": "is the process alive",
                    "/readyz": "are the views complete",
                    "/metrics": "Prometheus",
                },
            }
        )

    async def _balance(self, request: web.Request) -> web.Response:
        if (waiting := self._not_ready()) is not None:
            return waiting
        tenant, customer = request.query.get("tenant", "default"), request.match_info["customer"]
        found = balances(self._tables.balances_of(tenant, customer))
        if not found:
            return _error(404, f"No decision was made for customer {customer!r} of tenant {tenant!r} yet.")
        return web.json_response({"tenant": tenant, "customer_id": customer, "balances": found})

    async def _top_merchants(self, request: web.Request) -> web.Response:
        if (waiting := self._not_ready()) is not None:
            return waiting
        by, limit = request.query.get("by", "count"), request.query.get("limit", "10")
        if by not in get_args(Order):
            return _error(400, f"by: got {by!r}, expected one of {', '.join(get_args(Order))}.")
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_MERCHANTS:
            return _error(400, f"limit: got {limit!r}, expected an integer from 1 to {MOST_MERCHANTS}.")
        tenant, now_ms = request.query.get("tenant", "default"), time.time_ns() // 1_000_000
        order: Order = "amount" if by == "amount" else "count"
        found = top_merchants(self._tables.merchants, tenant, now_ms, by=order, limit=int(limit))
        return web.json_response({"tenant": tenant, "by": by, "as_of_ms": now_ms, "merchants": found})

    async def _livez(self, _request: web.Request) -> web.Response:
        # The loop that folds answers this, so an answer says that it is not stuck.
        return web.json_response({"status": "ok", "checks": {}})

    async def _readyz(self, _request: web.Request) -> web.Response:
        passed, checks = outcome(self._ready)
        body = {"status": "ok" if passed else "failing", "checks": checks}
        return web.json_response(body, status=200 if passed else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=prometheus_client.generate_latest(),
            headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST},
        )

    def _not_ready(self) -> web.Response | None:
        passed, checks = outcome(self._ready)
        if passed:
            return None
        failing = "; ".join(text for text in checks.values() if text != "ok")
        return _error(503, f"The views are not complete yet: {failing}", {"Retry-After": "1"})


def _error(status: int, text: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response({"error": text}, status=status, headers=headers)
