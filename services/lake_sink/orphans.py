"""Pure: which files of a table's metadata folder nobody can ever need again.

A commit names each of its manifests and its manifest list after the table and the snapshot that it is built
on. The catalog's compare-and-swap lets it come into force on that one only, so once that snapshot is gone
from the table, what is named after it is either in a snapshot that is still there, or will never be in one:
whatever clocks say, and however long a writer was stopped.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

_OURS = re.compile(r"(?:snap-\d+-)?t([0-9a-f]{32})-p(\d+)-[^/]+\.avro")


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as the object store lists it: its name within the folder, and seconds since the epoch."""

    name: str
    modified_s: float


@dataclass(frozen=True, slots=True)
class InUse:
    """What a table needs of its metadata folder.

    Attributes:
        table: the table's uuid; tables may share a folder after a drop or a change of name.
        snapshots: ids of all that the table knows.
        names: manifest lists of these snapshots, and the manifests they name.
    """

    table: UUID
    snapshots: Collection[int]
    names: Collection[str]


def attempt_name(table: UUID, parent_id: int | None, commit_id: str, attempt: int) -> str:
    """Return what the names of an attempt's files begin with.

    0 stands for a table without a snapshot: those few files stay, as a table may always have none.
    """
    return f"t{table.hex}-p{parent_id or 0}-{commit_id}-{attempt}"


def orphans(seen: Iterable[Seen], used: InUse, grace_s: float) -> list[str]:
    """Return the names to delete, oldest first.

    A file stays for `grace_s` after its making, for readers that began while its snapshot was there. Age
    is reckoned from the newest file, by the object store's clock alone. What no commit of ours named stays.
    """
    files = sorted(seen, key=lambda file: file.modified_s)
    if not files:
        return []
    before = files[-1].modified_s - grace_s
    return [
        file.name
        for file in files
        if file.modified_s <= before and file.name not in used.names and _is_over(file.name, used)
    ]


def _is_over(name: str, used: InUse) -> bool:
    made = _OURS.fullmatch(name)
    return made is not None and made[1] == used.table.hex and int(made[2]) not in {0, *used.snapshots}
