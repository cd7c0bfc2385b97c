"""Maven artifacts as the lock file names them: coordinates, size and sha256, never an address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from local.places import repository

LOCK_FILE = repository() / "local" / "artifacts.lock"


@dataclass(frozen=True, slots=True, order=True)
class Artifact:
    """One locked file. `coordinate` is group:artifact:extension[:classifier]:version; `size` is in bytes."""

    coordinate: str
    size: int
    sha256: str

    @property
    def path(self) -> str:
        """The file's place below a Maven repository, and below our cache, which has the same layout."""
        return maven_path(self.coordinate)

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[1]


def maven_path(coordinate: str) -> str:
    """The path of `coordinate` in Maven's default repository layout; ValueError when it is none."""
    parts = coordinate.split(":")
    if len(parts) not in (4, 5) or not all(parts):
        raise ValueError(f"not group:artifact:extension[:classifier]:version: {coordinate!r}")
    group, artifact, extension, *classifier, version = parts
    suffix = "".join(f"-{c}" for c in classifier)
    return f"{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}{suffix}.{extension}"


def parse_lock(text: str) -> dict[str, tuple[Artifact, ...]]:
    """Read a lock: `[set]` headings, below each one `coordinate size sha256` a line, `#` comments.

    A file that several sets share stands in each; it is fetched once. ValueError names a wrong line.
    """
    sets: dict[str, list[Artifact]] = {}
    current: list[Artifact] | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            current = sets.setdefault(line[1:-1], [])
            continue
        fields = line.split()
        if current is None or len(fields) != 3 or not fields[1].isdigit() or len(fields[2]) != 64:
            raise ValueError(f"artifacts.lock line {number} is not `coordinate size sha256`: {raw!r}")
        maven_path(fields[0])
        current.append(Artifact(fields[0], int(fields[1]), fields[2]))
    return {name: tuple(found) for name, found in sets.items()}


def render_lock(sets: Mapping[str, Iterable[Artifact]]) -> str:
    """The lock's text; `parse_lock` is its inverse. Sorted, so that a re-lock shows what changed."""
    lines = ["# Made by `python -m local.lock` from artifacts.toml. Coordinates, bytes, sha256; no address."]
    for name in sorted(sets):
        lines += ["", f"[{name}]", *(f"{a.coordinate} {a.size} {a.sha256}" for a in sorted(sets[name]))]
    return "\n".join(lines) + "\n"


@lru_cache(maxsize=4)
def _read(lock_file: Path, changed_ns: int) -> Mapping[str, tuple[Artifact, ...]]:  # noqa: ARG001 - the cache's key
    return parse_lock(lock_file.read_text(encoding="utf-8"))


def locked(*sets: str, lock_file: Path = LOCK_FILE) -> tuple[Artifact, ...]:
    """Every artifact of the named sets, each once. KeyError for a set that the lock does not have."""
    lock = _read(lock_file, lock_file.stat().st_mtime_ns)
    return tuple(dict.fromkeys(artifact for name in sets for artifact in lock[name]))
