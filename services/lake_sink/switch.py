"""A replay's branch of a table: begun, made main, taken back, dropped; each by one compare-and-swap."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import wraps
from typing import ParamSpec, TypeVar

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import SnapshotRefType
from pyiceberg.table.update import (
    AddSnapshotUpdate,
    RemoveSnapshotRefUpdate,
    RemoveSnapshotsUpdate,
    TableUpdate,
)

from services.lake_sink.catalog import AWAY
from services.lake_sink.decision import settled
from services.lake_sink.errors import LakeAwayError, LakeRefusedError
from services.lake_sink.fileio import Outgoing
from services.lake_sink.lines import MAIN, Change, Lines, Standing, before_tag, replay_branch
from services.lake_sink.manifests import Lists
from services.lake_sink.snapshot import Attempt, SnapshotFiles, bare_snapshot
from services.lake_sink.summary import SWITCHED, bare_summary, lineage, lines_of, standing_on
from services.lake_sink.swap import ATTEMPTS, naming, pause_s, tried
from streamkit.clock import Clock
from streamkit.crashpoints import crash
from streamkit.positions import Positions

Name = tuple[str, ...]
Decide = Callable[[Lines], Change | Standing]

CRASH_POINTS = ("switch.before_commit", "switch.after_commit")

_log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


def _answering(call: Callable[P, T]) -> Callable[P, T]:
    """Let a call raise LakeAwayError for whatever says that the lake cannot answer."""

    @wraps(call)
    def answered(*given: P.args, **named: P.kwargs) -> T:
        try:
            return call(*given, **named)
        except AWAY as error:
            raise LakeAwayError(f"the lake does not answer: {error or type(error).__name__}") from error

    return answered


class Switch:
    """Works on what one replay has in live's tables. Blocks on catalog and object store.

    Calls raise LakeAwayError when these are away or an outcome stays unknown: call again, what has been done
    is found. They raise LakeRefusedError when the catalog refuses for good.
    """

    def __init__(self, catalog: RestCatalog, clock: Clock, namespace: str, new_id: Callable[[], str]) -> None:
        self._catalog = catalog
        self._clock = clock
        self._namespace = namespace
        self._new_id = new_id
        self._names = (replay_branch(namespace), before_tag(namespace))

    @_answering
    def lines(self, name: Name) -> Lines:
        """Return the lines of a table; none when there is no such table."""
        table = self._load(name)
        return lines_of(table.metadata, self._namespace) if table else Lines(None, None, None)

    @_answering
    def begin(self, name: Name) -> bool:
        """Make the replay's branch, without rows, unless it is there or was promoted.

        Returns:
            False when there is no such table, or it has no rows.
        """
        commit_id, branch = self._new_id(), self._names[0]
        for number, table in self._tries(name):
            if table is None or MAIN not in table.metadata.refs:
                return False
            if self._held(table):
                return True
            new = table.metadata.new_snapshot_id()
            attempt = Attempt(None, new, commit_id, number, self._clock.now_ms())
            snapshot = bare_snapshot(_parts_of(table), attempt, bare_summary(Positions(), commit_id, None))
            if self._swap(table, {branch: None}, [AddSnapshotUpdate(snapshot=snapshot), naming(branch, new)]):
                return True
        raise _unsettled(name)

    @_answering
    def change(self, name: Name, decide: Decide) -> Standing | None:
        """Make another line main, as `decide` says of the table's lines, anew at each attempt.

        Returns:
            None when main was changed, by this call; else why not.
        """
        commit_id, new = self._new_id(), 0
        for number, table in self._tries(name):
            if table is None:
                return Standing.GONE
            if table.metadata.snapshot_by_id(new) is not None:
                return None  # by an attempt whose answer was lost
            change = decide(lines_of(table.metadata, self._namespace))
            if isinstance(change, Standing):
                return change
            new = new or table.metadata.new_snapshot_id()
            parent = table.metadata.snapshot_by_id(change.parent)
            attempt = Attempt(parent, new, commit_id, number, self._clock.now_ms())
            if self._swap(table, change.asserts, self._updates(table, change, attempt)):
                return None
        raise _unsettled(name)

    @_answering
    def drop(self, name: Name) -> None:
        """Take the replay's branch and tag away, with the rows that no other line has."""
        doomed: set[str] = set()
        for _, table in self._tries(name):
            if table is None:
                return
            mine = self._held(table)
            if not mine:
                # Asked again, and only now: no line that has them can come back.
                for file in doomed - _files(table, table.metadata.refs):
                    table.io.delete(file)
                return
            doomed |= _files(table, mine)
            updates: list[TableUpdate] = [RemoveSnapshotRefUpdate(ref_name=each) for each in mine]
            others = table.metadata.refs.keys() - mine.keys()
            alone = _behind(table.metadata, mine) - _behind(table.metadata, others)
            if alone:
                updates.append(RemoveSnapshotsUpdate(snapshot_ids=sorted(alone)))
            self._swap(table, mine, updates)
        raise _unsettled(name)

    def _held(self, table: Table) -> dict[str, int]:
        refs = table.metadata.refs
        return {each: refs[each].snapshot_id for each in self._names if each in refs}

    def _updates(self, table: Table, change: Change, attempt: Attempt) -> list[TableUpdate]:
        why = f"{'promotion' if change.tagged else 'rollback'} of {self._namespace}"
        summary = bare_summary(change.positions, attempt.commit_id, attempt.parent)
        snapshot = bare_snapshot(_parts_of(table), attempt, {**summary, SWITCHED: why})
        was = table.metadata.refs[MAIN].snapshot_id
        kind = SnapshotRefType.TAG if change.tagged else SnapshotRefType.BRANCH
        updates: list[TableUpdate] = [
            AddSnapshotUpdate(snapshot=snapshot),
            naming(MAIN, snapshot.snapshot_id),
            naming(change.keeps, was, kind),
            RemoveSnapshotRefUpdate(ref_name=change.drops),
        ]
        kept = {ref.snapshot_id for ref in table.metadata.refs.values()} | standing_on(table.metadata, MAIN)
        # Nobody commits to a tag, so nobody would ever drop the snapshots behind it.
        old = _behind(table.metadata, [MAIN]) - kept if change.tagged else set()
        return [*updates, RemoveSnapshotsUpdate(snapshot_ids=sorted(old))] if old else updates

    def _tries(self, name: Name) -> Iterator[tuple[int, Table | None]]:
        """Yield the table as it is then before each attempt, after a pause that grows."""
        for number in range(ATTEMPTS):
            if number:
                self._clock.sleep(pause_s(number - 1))
            yield number, self._load(name)

    def _load(self, name: Name) -> Table | None:
        try:
            table: Table = self._catalog.load_table(name)
        except NoSuchTableError:
            return None
        return table

    def _swap(self, table: Table, stands: Mapping[str, int | None], updates: Sequence[TableUpdate]) -> bool:
        """Try the compare-and-swap; tell whether it is settled. If not, only the table can tell."""
        crash.at("switch.before_commit")
        answer, error = tried(self._catalog, table, stands, updates)
        crash.at("switch.after_commit")
        if answer is None:
            raise LakeRefusedError(f"the catalog refuses the change: {error}") from error
        if error is not None:
            _log.info("The change of %s is tried again: %s", ".".join(table.name()), error)
        return settled(answer)


def _unsettled(name: Name) -> LakeAwayError:
    return LakeAwayError(f"no change of {'.'.join(name)} came through in {ATTEMPTS} attempts")


def _parts_of(table: Table) -> SnapshotFiles:
    return SnapshotFiles(table, Outgoing(table.io), Lists())


def _behind(metadata: TableMetadata, refs: Collection[str]) -> set[int]:
    return {snapshot.snapshot_id for ref in refs for snapshot in lineage(metadata, ref)}


def _files(table: Table, refs: Collection[str]) -> set[str]:
    """Return the data files that branches or tags have; in an append-only table a head has all of them."""
    heads = [table.metadata.snapshot_by_id(table.metadata.refs[ref].snapshot_id) for ref in refs]
    return {
        entry.data_file.file_path
        for head in heads
        if head is not None
        for manifest in head.manifests(table.io)
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    }
