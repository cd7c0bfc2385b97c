"""Which jobs a window has had: what each went on from, and into which tables it wrote.

A table's snapshots name the job that wrote them, and a checkpoint the job that took it. Where the two differ,
only this says whether the one goes on from the other.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Self

_KEPT = 200


class Point(NamedTuple):
    """A checkpoint of a job, by Flink's ids."""

    job: str
    number: int

    @classmethod
    def of(cls, checkpoint: Path) -> Self:
        """Return the point of a folder `.../<job id>/chk-<n>`."""
        return cls(checkpoint.parent.name, int(checkpoint.name.removeprefix("chk-")))


@dataclass(frozen=True, slots=True)
class Start:
    """One submission: its job (None when the submitter died before it knew it), origin, and tables' ids."""

    job: str | None
    origin: Point | None
    tables: Mapping[str, str] = field(default_factory=dict)


def starts(state_dir: Path, window: str) -> list[Start]:
    """Return the submissions of a window, oldest first."""
    path = _path(state_dir, window)
    if not path.is_file():
        return []
    return [
        Start(each["job"], Point(*each["origin"]) if each["origin"] else None, each["tables"])
        for each in json.loads(path.read_text(encoding="utf-8"))
    ]


def begin(state_dir: Path, window: str, origin: Path | None, tables: Mapping[str, str]) -> None:
    """Note a submission before it is made: a job that nobody knows of could not be gone on from."""
    start = Start(None, None if origin is None else Point.of(origin), tables)
    _write(state_dir, window, [*starts(state_dir, window), start])


def name(state_dir: Path, window: str, job: str) -> None:
    """Note the job of the submission that was noted last."""
    *before, last = starts(state_dir, window)
    _write(state_dir, window, [*before, replace(last, job=job)])


def goes_on_from(point: Point, committed: Point, history: Sequence[Start]) -> bool:
    """Whether the state at `point` holds all that was committed at `committed`: the same job's, or an heir's.

    A job of which nothing is known may be any that was submitted and never named: it must hold for each.
    """
    if point.job == committed.job:
        return committed.number <= point.number
    for job in (point.job, None):
        found = [(at, start.origin) for at, start in enumerate(history) if start.job == job]
        if found:
            return all(
                origin is not None and goes_on_from(origin, committed, history[:at]) for at, origin in found
            )
    return False


def _write(state_dir: Path, window: str, history: Sequence[Start]) -> None:
    path = _path(state_dir, window)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps([asdict(start) for start in history[-_KEPT:]]), encoding="utf-8")
    new.replace(path)


def _path(state_dir: Path, window: str) -> Path:
    return state_dir / "starts" / f"{window}.json"
