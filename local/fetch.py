"""Fetch locked artifacts into the cache: resumable, several at a time, every byte checked by sha256."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import ssl
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event

import certifi
import httpx
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from local.artifacts import Artifact
from local.errors import RuntimeProblem
from local.mirror import Repository, maven_repository
from local.places import cache_dir

PARALLEL = 4
_CHUNK = 1 << 17
_PASSING = (httpx.TransportError,)


def cached(artifact: Artifact, cache: Path | None = None) -> Path:
    """Where `artifact` lies once it has been fetched."""
    return (cache or cache_dir()) / "artifacts" / artifact.path


def missing(artifacts: Iterable[Artifact], cache: Path | None = None) -> list[Artifact]:
    """Those not in the cache. A file gets its final name after its hash was right, so its size will do."""
    return [a for a in artifacts if not _has_size(cached(a, cache), a.size)]


def fetch(
    artifacts: Sequence[Artifact], cache: Path | None = None, repository: Repository | None = None
) -> None:
    """Bring what is missing into the cache; blocks, with a progress bar on stderr when it is a terminal.

    Waits while another process fetches into the same cache. Raises RuntimeProblem when the repository cannot
    be reached or a file's sha256 differs twice.
    """
    cache = cache or cache_dir()
    if not missing(artifacts, cache):
        return
    with locked_folder(cache / "artifacts"):
        wanted = missing(artifacts, cache)
        source = repository or maven_repository()
        stop = Event()
        with _progress() as progress, ThreadPoolExecutor(PARALLEL) as pool:
            total = progress.add_task("downloading", total=sum(a.size for a in wanted))

            def advance(count: float) -> None:
                if stop.is_set():
                    raise InterruptedError  # another file failed, or Ctrl-C: what is on disk is kept
                progress.advance(total, count)

            work = partial(_fetch_one, cache=cache, repository=source, advance=advance)
            try:
                for _ in pool.map(work, wanted):
                    pass
            except BaseException:
                stop.set()
                raise


def download(
    url: str, target: Path, credentials: tuple[str, str] | None, advance: Callable[[float], None]
) -> None:
    """GET `url` into `target`, going on from `target`.part; `advance` is told of each byte that is there.

    Three tries when the connection breaks. Raises httpx.HTTPError.
    """
    part = target.with_name(target.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    for tries_left in (2, 1, 0):
        try:
            _download_once(url, part, credentials, advance)
            break
        except _PASSING:
            if not tries_left:
                raise
    part.replace(target)


def unpacked(artifact: Artifact, cache: Path | None = None) -> Path:
    """The folder with the contents of a fetched tar.gz, unpacked on first use; whole or not there at all."""
    cache = cache or cache_dir()
    folder = cache / "unpacked" / f"{artifact.name.removesuffix('.tar.gz')}-{artifact.sha256[:8]}"
    if folder.is_dir():
        return folder
    with locked_folder(folder.parent):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
                half = Path(temporary) / "half"
                half.mkdir(mode=0o755)
                with tarfile.open(cached(artifact, cache)) as archive:
                    # Python before 3.11.4 has no filters.
                    archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
                    archive.extractall(half)  # noqa: S202 - filtered; and its bytes are those that we locked
                half.rename(folder)
    return folder


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process; blocks while another one holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch_one(
    artifact: Artifact, cache: Path, repository: Repository, advance: Callable[[float], None]
) -> None:
    target = cached(artifact, cache)
    unchecked = target.with_name(target.name + ".unchecked")
    for tries_left in (1, 0):
        try:
            download(f"{repository.url}/{artifact.path}", unchecked, repository.credentials, advance)
        except httpx.HTTPError as error:
            raise RuntimeProblem(
                "kapstan",
                f"could not fetch {artifact.name} from {repository.url}: {error}",
                remedy="check the network and run the command again (it goes on where it stopped), or name a"
                " mirror in Maven's settings.xml or in KAPSTAN_MAVEN_URL",
            ) from error
        digest = _sha256(unchecked)
        if digest == artifact.sha256:
            unchecked.replace(target)
            return
        size = unchecked.stat().st_size
        unchecked.unlink()
        advance(-size)
        if not tries_left:
            raise RuntimeProblem(
                "kapstan",
                f"{artifact.name} from {repository.url} has sha256 {digest}, the lock says {artifact.sha256}",
                remedy="the file was removed; do not trust this mirror: name another in KAPSTAN_MAVEN_URL",
            )


def _download_once(
    url: str, part: Path, credentials: tuple[str, str] | None, advance: Callable[[float], None]
) -> None:
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with (
        httpx.Client(auth=credentials, follow_redirects=True, timeout=60, verify=_tls()) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            advance(have)
            return  # nothing is left to get: the hash decides whether what we have is right
        response.raise_for_status()
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        advance(have if resumed else 0)
        with part.open("ab" if resumed else "wb") as out:
            try:
                for chunk in response.iter_bytes(_CHUNK):
                    out.write(chunk)
                    advance(len(chunk))
            except httpx.TransportError:
                advance(-out.tell())  # the next try counts again what it finds on disk
                raise


def _tls() -> ssl.SSLContext:
    # The system's store (and SSL_CERT_FILE) knows a company's own CA; certifi helps where there is no store.
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _progress() -> Progress:
    from rich.console import Console

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def free_bytes(path: Path) -> int:
    """Free disk space of the file system that `path` is, or will be, on."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
