"""Downloads from a repository on this machine that breaks connections and serves wrong bytes."""

import hashlib
import http.server
import threading

import httpx
import pytest

from local.artifacts import Artifact
from local.errors import RuntimeProblem
from local.fetch import cached, download, fetch
from local.mirror import Repository

CONTENT = bytes(range(256)) * 2000


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT, with ranges; the server's `breaks` says how many answers to cut in the middle."""

    def do_GET(self):
        self.server.asked.append(self.headers.get("Range"))
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.breaks:
            self.server.breaks -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content, server.breaks, server.asked = CONTENT, 0, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def repository(server):
    return Repository(f"http://127.0.0.1:{server.server_port}")


ARTIFACT = Artifact("g:a:jar:1", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def test_files_are_fetched_into_the_cache(tmp_path, repository):
    fetch([ARTIFACT], tmp_path, repository)
    assert cached(ARTIFACT, tmp_path).read_bytes() == CONTENT


def test_a_broken_download_goes_on_where_it_stopped(tmp_path, server, repository):
    server.breaks = 2
    told = []
    download(f"{repository.url}/x", tmp_path / "x", None, told.append)
    assert (tmp_path / "x").read_bytes() == CONTENT
    first, *resumed = server.asked
    assert first is None
    starts = [int(asked[6:-1]) for asked in resumed]
    assert 0 < starts[0] < starts[1] < len(CONTENT)
    assert sum(told) == len(CONTENT)


def test_a_download_of_an_earlier_run_is_finished(tmp_path, server, repository):
    (tmp_path / "x.part").write_bytes(CONTENT[:1000])
    download(f"{repository.url}/x", tmp_path / "x", None, lambda count: None)
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert server.asked == ["bytes=1000-"]


def test_a_connection_that_keeps_breaking_is_given_up(tmp_path, server, repository):
    server.breaks = 9
    with pytest.raises(httpx.TransportError):
        download(f"{repository.url}/x", tmp_path / "x", None, lambda count: None)
    assert len(server.asked) == 3


def test_wrong_bytes_are_refused_and_removed(tmp_path, server, repository):
    server.content = CONTENT[::-1]
    with pytest.raises(RuntimeProblem, match=r"a-1\.jar .* has sha256 .* the lock says") as caught:
        fetch([ARTIFACT], tmp_path, repository)
    assert "KAPSTAN_MAVEN_URL" in caught.value.remedy
    assert [path.name for path in tmp_path.rglob("a-1*")] == []


def test_a_damaged_part_of_an_earlier_run_is_fetched_anew(tmp_path, server, repository):
    part = cached(ARTIFACT, tmp_path).with_name("a-1.jar.unchecked.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"junk")
    fetch([ARTIFACT], tmp_path, repository)
    assert cached(ARTIFACT, tmp_path).read_bytes() == CONTENT


def test_a_repository_that_is_away_is_named(tmp_path, server, repository):
    server.shutdown()
    server.server_close()
    with pytest.raises(RuntimeProblem, match=repository.url):
        fetch([ARTIFACT], tmp_path, repository)
