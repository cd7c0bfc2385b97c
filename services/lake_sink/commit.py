"""One batch into one table: data files, then a compare-and-swap that is tried until it is settled."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update import AddSnapshotUpdate, RemoveSnapshotsUpdate, TableUpdate

from services.lake_sink.catalog import AWAY
from services.lake_sink.datafiles import EncodedFile, entry
from services.lake_sink.decision import Answer, Claim, Head, Verdict, judge, settled
from services.lake_sink.errors import LakeAwayError, LakeRefusedError, StaleBatchError
from services.lake_sink.fileio import Outgoing
from services.lake_sink.manifests import Lists
from services.lake_sink.metrics import LakeMetrics
from services.lake_sink.snapshot import Attempt, Batch, SnapshotFiles, build_snapshot, expired
from services.lake_sink.summary import head_of
from services.lake_sink.swap import ATTEMPTS, naming, pause_s, shared, tried
from services.lake_sink.upkeep import Upkeep
from streamkit.clock import Clock
from streamkit.crashpoints import crash

_REQUESTS_AT_ONCE = 8

CRASH_POINTS = (
    "lake.before_files",
    "lake.after_files",
    "lake.after_manifest",
    "lake.after_manifest_list",
    "lake.before_commit",
    "lake.after_commit",
)

_log = logging.getLogger(__name__)


class Committer:
    """Commits batches with our own loop. Blocks on catalog and object store; threads may share it."""

    def __init__(
        self, catalog: RestCatalog, clock: Clock, keep_snapshots: int, upkeep: Upkeep, ref: str = MAIN_BRANCH
    ) -> None:
        """Commit to the branch `ref` of every table."""
        self._catalog = catalog
        self._clock = clock
        self._keep = keep_snapshots
        self._upkeep = upkeep
        self._ref = ref
        self._lists = Lists()
        self._pool = ThreadPoolExecutor(_REQUESTS_AT_ONCE, thread_name_prefix="lake")

    def commit(self, table: Table, topic: str, claim: Claim, files: Sequence[EncodedFile]) -> Table:
        """Put at least one file of rows into the table, so that it stands at the claim's `reached`.

        Args:
            table: the table as last read; need not be its newest state.
            topic: the rows' topic, for messages.
            claim: what the batch claims.
            files: the batch's rows, encoded.

        Returns:
            The table as it then is.

        Raises:
            StaleBatchError: another writer has moved the partitions, or the table was replaced.
            LakeAwayError: no settled answer after all attempts; the batch may or may not be in.
            LakeRefusedError: the catalog refuses the commit for good.
        """
        try:
            crash.at("lake.before_files")
            outgoing = Outgoing(table.io, self._pool)
            stored = [(_address(table, claim, number, file), file) for number, file in enumerate(files)]
            for address, file in stored:
                outgoing.put(address, file.content)
            crash.at("lake.after_files")
            entries = [entry(address, file) for address, file in stored]
            if shared(table):  # read beside the writing
                table = self._catalog.load_table(table.name())
            batch = Batch(topic, claim, table.metadata.new_snapshot_id(), entries)
            return self._settle(table, batch, outgoing)
        except NoSuchTableError as error:
            raise StaleBatchError("batch dropped: the table is gone", topic=topic) from error
        except AWAY as error:
            raise LakeAwayError(f"the lake does not answer: {error}", topic=topic) from error

    def close(self) -> None:
        """End the upkeep; waits for the piece that runs."""
        self._upkeep.close()
        self._pool.shutdown(cancel_futures=True)

    def _settle(self, table: Table, batch: Batch, outgoing: Outgoing) -> Table:
        for attempt in range(ATTEMPTS):
            head = head_of(table.metadata, self._ref)
            verdict = judge(batch.claim, head)
            if verdict is Verdict.LANDED:
                _log.info("Commit %s had landed before its answer was lost", batch.claim.commit_id)
                return table
            if verdict is not Verdict.APPEND:
                raise _dropped(batch, verdict)
            if settled(self._attempt(table, batch, outgoing, head, attempt)):
                return table
            # Only the table itself can tell what became of the attempt.
            self._clock.sleep(pause_s(attempt))
            table = self._catalog.load_table(table.name())
        raise LakeAwayError(f"no commit came through in {ATTEMPTS} attempts", topic=batch.topic)

    def _attempt(self, table: Table, batch: Batch, outgoing: Outgoing, head: Head, number: int) -> Answer:
        attempt = Attempt(
            table.metadata.snapshot_by_name(self._ref),
            batch.snapshot_id,
            batch.claim.commit_id,
            number,
            self._clock.now_ms(),
        )
        files = SnapshotFiles(table, outgoing, self._lists)
        snapshot = build_snapshot(files, batch, head, attempt)
        crash.at("lake.before_commit")
        before = table.metadata
        stands = {self._ref: attempt.parent_id}
        answer, error = tried(self._catalog, table, stands, self._updates(table, snapshot))
        crash.at("lake.after_commit")
        if answer is None:
            raise LakeRefusedError(f"the catalog refuses to commit: {error}", topic=batch.topic) from error
        if answer is Answer.DONE:
            self._upkeep.committed(before, table)
        elif answer is Answer.CONFLICT:
            LakeMetrics.conflicts_total.inc(topic=batch.topic)
        elif answer is Answer.UNKNOWN:
            LakeMetrics.unknown_answers_total.inc(topic=batch.topic)
            _log.warning("The outcome of commit %s is not known yet: %s", batch.claim.commit_id, error)
        return answer

    def _updates(self, table: Table, snapshot: Snapshot) -> list[TableUpdate]:
        updates: list[TableUpdate] = [
            AddSnapshotUpdate(snapshot=snapshot),
            naming(self._ref, snapshot.snapshot_id),
        ]
        old = expired(table.metadata, self._ref, self._keep - 1)
        if old:
            updates.append(RemoveSnapshotsUpdate(snapshot_ids=old))
        return updates


def _address(table: Table, claim: Claim, number: int, file: EncodedFile) -> str:
    return f"{table.location()}/data/{file.folder}/{claim.commit_id}-{number}.parquet"


def _dropped(batch: Batch, verdict: Verdict) -> StaleBatchError:
    LakeMetrics.stale_batches_total.inc(topic=batch.topic)
    why = "the table was replaced" if verdict is Verdict.REPLACED else "another writer has moved it on"
    return StaleBatchError(f"batch dropped: {why}", topic=batch.topic)
