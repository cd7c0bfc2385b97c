"""Re-resolve artifacts.toml and rewrite artifacts.lock: `python -m local.lock [SET...]`.

Resolution follows Maven's nearest-wins rule, by the jgo library, which gave the same files as Maven 3.8 for
every set here. Each file is fetched whole, because size and sha256 are those of the bytes that were served.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.progress import Progress

from local.artifacts import LOCK_FILE, Artifact, maven_path, parse_lock, render_lock
from local.fetch import download
from local.mirror import Repository, maven_repository

SOURCE = LOCK_FILE.with_suffix(".toml")


def resolve(roots: Sequence[str], without: Iterable[str], repository: Repository) -> list[str]:
    """The coordinates of `roots` and all they need at run time, less the `group:artifact`s in `without`."""
    from jgo.maven import MavenContext

    context = MavenContext(remote_repos={"central": repository.url}, timeout=60)
    dependencies: list[Any] = [context.create_dependency(_jgo_coordinate(root)) for root in roots]
    for dependency in dependencies:
        dependency.raw = True  # else each root's managed versions would override the other roots' own
    _, nodes = context.resolver.get_dependency_list(dependencies)
    found = dependencies + [node.dep for node in nodes if node.dep.scope in ("compile", "runtime")]
    excluded = set(without)
    return sorted(
        {_coordinate(d) for d in found if f"{d.groupId}:{d.artifactId}" not in excluded and d.type != "pom"}
    )


def measure(coordinate: str, repository: Repository, folder: Path) -> Artifact:
    """Fetch the file of `coordinate` and say what it is. Raises httpx.HTTPError when it is not served."""
    target = folder / maven_path(coordinate).rsplit("/", 1)[1]
    download(f"{repository.url}/{maven_path(coordinate)}", target, repository.credentials, lambda _: None)
    data = target.read_bytes()
    target.unlink()
    return Artifact(coordinate, len(data), hashlib.sha256(data).hexdigest())


def lock_set(name: str, wanted: dict[str, list[str]], repository: Repository) -> tuple[Artifact, ...]:
    """Resolve and measure one set of artifacts.toml; prints nothing but a progress bar."""
    coordinates = list(wanted.get("files", []))
    if wanted.get("resolve"):
        coordinates += resolve(wanted["resolve"], wanted.get("without", []), repository)
    with Progress() as progress, tempfile.TemporaryDirectory() as folder:
        return tuple(
            measure(coordinate, repository, Path(folder))
            for coordinate in progress.track(coordinates, description=name)
        )


def main(names: Sequence[str]) -> None:
    """Rewrite the lock: the named sets, or all of them."""
    wanted = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    repository = maven_repository()
    old = parse_lock(LOCK_FILE.read_text(encoding="utf-8")) if LOCK_FILE.exists() else {}
    sets = {name: artifacts for name, artifacts in old.items() if name in wanted}
    for name in names or wanted:
        sets[name] = lock_set(name, wanted[name], repository)
    LOCK_FILE.write_text(render_lock(sets), encoding="utf-8")


def _jgo_coordinate(coordinate: str) -> str:
    group, artifact, *_, version = coordinate.split(":")
    return f"{group}:{artifact}:{version}"


def _coordinate(dependency: Any) -> str:
    parts = [dependency.groupId, dependency.artifactId, dependency.type, dependency.classifier]
    return ":".join([part for part in parts if part] + [dependency.version])


if __name__ == "__main__":
    main(sys.argv[1:])
