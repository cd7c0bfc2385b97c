"""The small HTTP server beside every loop: /livez, /readyz and /metrics, on loopback by default."""

import json
import logging
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self

import prometheus_client

from streamkit.config import ServiceSettings
from streamkit.errors import StopError

Check = Callable[[], str | None]
"""Returns None when all is well, else one sentence that says what is not. Must not block: a probe waits."""

_log = logging.getLogger(__name__)


def outcome(checks: Mapping[str, Check]) -> tuple[bool, dict[str, str]]:
    """Run the checks; return whether all passed and, by name, `ok` or what is wrong.

    A check that raises has failed: the probe reports its error and does not fail itself.
    """
    results: dict[str, str] = {}
    for name, check in checks.items():
        try:
            results[name] = check() or "ok"
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its result
            results[name] = f"{type(error).__name__}: {error}"
    return all(result == "ok" for result in results.values()), results


class HealthServer:
    """Serves probes and metrics from a daemon thread until closed.

    `/livez` is 200 while every `live` check passes: failing it asks for a restart, so it holds only what a
    restart can mend. `/readyz` is 200 while every `ready` check passes. Both answer 503 with the same JSON
    otherwise: `{"status": "ok"|"failing", "checks": {name: "ok"|sentence}}`. `/metrics` is Prometheus text.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        ready: Mapping[str, Check],
        live: Mapping[str, Check] | None = None,
    ) -> None:
        """Bind the port; raises StopError when it is taken or not ours to bind."""
        pages: dict[str, Callable[[], _Page]] = {
            "/livez": lambda: _probe(live or {}),
            "/readyz": lambda: _probe(ready),
            "/metrics": _metrics,
        }
        try:
            self._server = _Server((settings.http_host, settings.http_port), _handler(pages))
        except OSError as error:
            address = f"{settings.http_host}:{settings.http_port}"
            raise StopError(
                f"The health server cannot listen on {address}: {error.strerror}.",
                hint="Free the port or set KAPSTAN_HTTP_PORT to another one.",
            ) from error
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port in use, also when the settings asked for a free one."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    """Says what went wrong with a request in the log, where the standard library prints a traceback."""

    def handle_error(self, request: object, client_address: object) -> None:
        del request, client_address
        if isinstance(sys.exception(), ConnectionError):
            _log.debug("A probe went away before its answer", exc_info=True)
        else:
            _log.exception("A probe could not be answered")


_Page = tuple[HTTPStatus, str, bytes]


def _probe(checks: Mapping[str, Check]) -> _Page:
    passed, results = outcome(checks)
    body = json.dumps({"status": "ok" if passed else "failing", "checks": results}).encode()
    return (HTTPStatus.OK if passed else HTTPStatus.SERVICE_UNAVAILABLE), "application/json", body


def _metrics() -> _Page:
    return HTTPStatus.OK, prometheus_client.CONTENT_TYPE_LATEST, prometheus_client.generate_latest()


def _handler(pages: Mapping[str, Callable[[], _Page]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers GET on the pages above; everything else is 404 or 501."""

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            status, kind, body = page() if page else _unknown(self.path, pages)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            _log.debug(format, *args)

    return Handler


def _unknown(path: str, pages: Mapping[str, object]) -> _Page:
    body = json.dumps({"error": f"No page {path}", "pages": sorted(pages)}).encode()
    return HTTPStatus.NOT_FOUND, "application/json", body
