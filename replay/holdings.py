"""What a replay holds: topics, groups, tables and a folder; how large that is, and how it is deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

from replay.branches import Branches, branch_rows, rows_in
from replay.errors import ReplayRefusedError
from replay.kept import Kept, Replay
from streamkit.broker import Admin
from streamkit.clock import Clock
from streamkit.outputs import qualified
from streamkit.records import TopicPartition

# A static member keeps its place for its session of 6 s after its process has ended.
_MEMBERS_GONE_S = 15.0
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Holdings:
    """What stands under a replay's namespace; changelogs are among the topics.

    Attributes:
        topics: by name, how many records and markers each holds.
        groups: names.
        tables: by name, how many rows each holds; None when the lake was not asked. A branch of a table is
            named after an @; what live's table was before a promotion too, by its tag.
        local_bytes: of its folder.
    """

    topics: dict[str, int]
    groups: list[str]
    tables: dict[str, int] | None
    local_bytes: int


def holdings(replay: Replay, replays: Kept, admin: Admin, lake: RestCatalog | None) -> Holdings:
    """Return what a replay holds by now; blocks on Kafka, the disk and, when given, the lake."""
    mine = qualified(replay.namespace, "")
    topics = {name: info for name, info in admin.topics().items() if name.startswith(mine)}
    partitions = [TopicPartition(name, p) for name, info in topics.items() for p in range(info.partitions)]
    starts, ends = admin.start_offsets(partitions), admin.end_offsets(partitions, committed_only=False)
    sizes = dict.fromkeys(sorted(topics), 0)
    for tp in partitions:
        sizes[tp.topic] += ends[tp] - starts[tp]
    return Holdings(
        sizes,
        sorted(name for name in admin.groups() if name.startswith(mine)),
        None if lake is None else _rows(replay, lake),
        sum(path.stat().st_size for path in _files(replays.folder(replay.namespace))),
    )


def drop(replay: Replay, replays: Kept, admin: Admin, lake: RestCatalog | None, clock: Clock) -> Holdings:
    """Delete all that a replay holds, and return what that was; blocks.

    Killed on the way, it can be called again: what says that this is a replay goes last.

    Raises:
        ReplayRefusedError: somebody works on it.
    """
    with replays.running(replay.namespace):
        found = holdings(replay, replays, admin, lake)
        _drop_groups(replay.namespace, found.groups, admin, clock)
        admin.delete_topics(list(found.topics))
        if lake is not None:
            _drop_tables(replay, lake, clock)
        replays.forget(replay.namespace)
    return found


def needs_lake(replay: Replay) -> bool:
    """Tell whether a replay's results are tables."""
    return replay.target.kind != "transform"


def _drop_groups(namespace: str, groups: Sequence[str], admin: Admin, clock: Clock) -> None:
    deadline = clock.monotonic() + _MEMBERS_GONE_S
    for name in groups:
        while not admin.delete_group(name):
            if clock.monotonic() > deadline:
                raise ReplayRefusedError(
                    f"the group {name} has members: a process of the replay {namespace} still runs",
                    hint="End it, and drop the replay again",
                )
            clock.sleep(_POLL_S)


def _drop_tables(replay: Replay, lake: RestCatalog, clock: Clock) -> None:
    if replay.promotable:
        Branches(replay, lake, clock).drop()
        return
    for name in _tables(replay, lake):
        lake.purge_table(name)
    for database in _databases(replay):
        if lake.namespace_exists(database):
            lake.drop_namespace(database)


def _databases(replay: Replay) -> list[str]:
    prefix = replay.namespace.replace("-", "_")
    return [f"{prefix}_bronze", f"{prefix}_gold"]


def _tables(replay: Replay, lake: RestCatalog) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for database in _databases(replay):
        try:
            found += lake.list_tables(database)
        except NoSuchNamespaceError:
            continue
    return sorted(found)


def _rows(replay: Replay, lake: RestCatalog) -> dict[str, int]:
    if replay.promotable:
        return branch_rows(replay, lake)
    found = {}
    for name in _tables(replay, lake):
        try:
            found[".".join(name)] = rows_in(lake.load_table(name).current_snapshot())
        except NoSuchTableError:
            found[".".join(name)] = 0
    return found


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
