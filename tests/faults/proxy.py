"""A proxy before the Iceberg catalog that spoils one commit when it is asked to."""

import http.client
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOST, UNAVAILABLE, SLOW = "answer lost", "503 after it was applied", "slow by 10 s"
MODES = (LOST, UNAVAILABLE, SLOW)
SLOW_S = 10.0
_TIMEOUT_S = 60.0
_PER_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_APPLIED = 200


class CatalogProxy:
    """Hands every request on unchanged; `arm` makes it spoil the next commit of a table's that succeeds."""

    def __init__(self, port: int, upstream: int) -> None:
        """Take the port to listen on and the catalog's, both of 127.0.0.1."""
        self._upstream = upstream
        self._lock = threading.Lock()
        self._armed: str | None = None
        self.done: list[str] = []
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, name="catalog-proxy", daemon=True)
        self._thread.start()

    def arm(self, mode: str) -> None:
        """Spoil the next commit in this way, once; what was done is added to `done`."""
        with self._lock:
            self._armed = mode

    def disarm(self) -> None:
        """Spoil none."""
        with self._lock:
            self._armed = None

    def forward(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> "_Answer":
        """Ask the catalog; blocks. Raises OSError or HTTPException when it is away."""
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream, timeout=_TIMEOUT_S)
        try:
            # The signature covers the Host that the client wrote: it goes on as it is.
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return _Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def spoil(self, method: str, path: str, status: int) -> str | None:
        """Return how to spoil the answer to a request that the catalog has answered with `status`."""
        with self._lock:
            if self._armed is None or not is_commit(method, path) or status != _APPLIED:
                return None
            mode, self._armed = self._armed, None
            self.done.append(f"{mode}: {path.rsplit('/', 1)[-1]}")
            return mode

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def is_commit(method: str, path: str) -> bool:
    """Whether a request is a commit to an existing table (Iceberg REST: POST .../namespaces/N/tables/T)."""
    parts = path.partition("?")[0].rstrip("/").split("/")
    return method == "POST" and len(parts) > 2 and parts[-2] == "tables"


class _Answer:
    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that was killed is what these tests are about."""


def _handler(
    proxy: CatalogProxy, sleep: Callable[[float], None] = time.sleep
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {n: v for n, v in self.headers.items() if n.lower() not in _PER_CONNECTION}
            try:
                answer = proxy.forward(self.command, self.path, body, headers)
            except (OSError, http.client.HTTPException):
                self.close_connection = True  # as it would be without a proxy: the connection breaks
                return
            mode = proxy.spoil(self.command, self.path, answer.status)
            if mode == LOST:
                self.close_connection = True
                return
            if mode == SLOW:
                sleep(SLOW_S)
            if mode == UNAVAILABLE:
                answer = _Answer(503, [("Content-Type", "text/plain")], b"spoilt by the fault suite")
            self._answer(answer)

        def _answer(self, answer: _Answer) -> None:
            self.send_response_only(answer.status)
            for name, value in answer.headers:
                if name.lower() not in _PER_CONNECTION:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815 - the names that the server calls

    return Handler
