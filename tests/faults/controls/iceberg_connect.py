"""Iceberg's own sink in Kafka Connect beside lake_sink: one topic, the same kills and lost answers.

It need not fail here: what it has lost and doubled, and how soon it went on, is told. Lost is what is missing
though a later record of its partition is there; what is missing behind that may come yet, and is told apart.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table

from benchmarks.lake import peer
from benchmarks.lake.events import SCHEMA, events
from local.stack import Stack
from services.lake_sink.catalog import open_catalog
from services.lake_sink.tables import Tables
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient, subject_of
from tests.faults.controls.blows import KILL, LOST, Blow, draw_blows, told, waits
from tests.faults.controls.control import Outcome
from tests.faults.controls.judge import Tally, judge_effects, overtaken
from tests.faults.proxy import LOST as LOSE
from tests.faults.proxy import CatalogProxy
from tests.support.lake_settings import lake_settings

NAME = "iceberg_connect"
PARTS = ("kafka", "registry", "seaweedfs")
SEEDS = (1, 2, 3)
SECONDS, RATE = 48.0, 400
PARTITIONS = 2
COMMIT_EVERY_MS = 3_000
_THEIRS = {
    "iceberg.control.commit.interval-ms": str(COMMIT_EVERY_MS),
    # As quick to notice a member that was killed as ours.
    "consumer.override.session.timeout.ms": "6000",
    "consumer.override.heartbeat.interval.ms": "2000",
}
_PROXY_PORTS = (71, 72)  # behind the ports that a stack's own parts have
_COMMITS_WITHIN_S = 180.0
_QUIET_S = 90.0
_ID = "transaction_id"
_BEGINS_WITHIN_S = 240.0
_FOLLOWED_FOR_S = 5.0
_NOTED_EVERY_S = 2.0
_POLL_S = 0.5


def run(stack: Stack, folder: Path, name: str) -> Outcome:
    """Run the schedules of all seeds; blocks for some three minutes each.

    Args:
        stack: with Kafka, registry and SeaweedFS.
        folder: for state and logs.
        name: of topics and namespaces, new on this stack.
    """
    theirs, ours = Tally(0, 0, 0), Tally(0, 0, 0)
    slow: tuple[list[float | None], list[float | None]] = ([], [])
    befell = []
    by_hand = 0
    for seed in SEEDS:
        one = _Run(stack, folder / str(seed), f"{name}-{seed}", seed)
        figures = one.play()
        by_hand += one.by_hand
        theirs, ours = theirs + figures[0], ours + figures[1]
        for known, side in zip(slow, one.sides, strict=True):
            known.extend(waits(side.ended_ms, side.commits_ms))
        befell.append(
            f"seed {seed}: {figures[0].lost:,} lost, {figures[0].doubled:,} doubled,"
            f" {one.outstanding:,} not there yet"
        )
    text = (
        f"{len(slow[0])} and {len(slow[1])} blows; the known way: {'; '.join(befell)};"
        f" next commit after {told(slow[0])}, tasks started again by hand: {by_hand};"
        f" ours: next commit after {told(slow[1])}"
    )
    return Outcome(NAME, text, theirs, ours, must_fail=False)


class Side:
    """One sink: a process to kill, the proxy before its catalog, and what its table holds."""

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        proxy: CatalogProxy,
    ) -> None:
        """Start it."""
        self._command, self._environ, self._log, self._proxy = command, environ, log, proxy
        self._process = self._start()
        self.ended_ms: list[int] = []
        self.commits_ms: set[int] = set()

    def suffer(self, blows: Sequence[Blow]) -> None:
        """Let blow after blow fall, each behind the one before, while it commits; blocks."""
        for blow in blows:
            time.sleep(blow.after_s)
            if blow.what != KILL and not self._lose_an_answer():
                return  # it commits nothing any more: what is missing then is told
            if blow.what != LOST:
                self._process.kill()
                self._process.wait()
                self._process = self._start()
            self.ended_ms.append(time.time_ns() // 1_000_000)

    def note(self, table: Table | None) -> None:
        """Note the commits that its table tells of."""
        for snapshot in table.snapshots() if table is not None else ():
            self.commits_ms.add(snapshot.timestamp_ms)

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _lose_an_answer(self) -> bool:
        before, deadline = len(self._proxy.done), time.monotonic() + _COMMITS_WITHIN_S
        self._proxy.arm(LOSE)
        while len(self._proxy.done) == before and time.monotonic() < deadline:
            time.sleep(0.02)
        self._proxy.disarm()
        return len(self._proxy.done) > before

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                list(self._command), env={**os.environ, **self._environ}, stdout=log, stderr=log
            )


class _Run:
    """The schedule of one seed on both sinks."""

    def __init__(self, stack: Stack, folder: Path, name: str, seed: int) -> None:
        folder.mkdir()
        self._stack, self._folder, self._name = stack, folder, name
        self._blows = draw_blows(seed, SECONDS)
        self._topic = f"{name}-events"
        self._broker = KafkaBroker(stack.bootstrap_servers)
        self._settings = lake_settings(stack, folder, name)
        self._catalog: RestCatalog = open_catalog(self._settings)
        self.sides: tuple[Side, ...] = ()
        self._sent = self.by_hand = self.outstanding = 0

    def play(self) -> tuple[Tally, Tally]:
        """Run both sinks under the blows, with records coming in; return what either came to. Blocks."""
        self._broker.admin().create_topic(self._topic, PARTITIONS, {})
        registry = RegistryClient(self._stack.registry_url)
        schema_id = registry.register(subject_of(self._topic), SCHEMA)
        registry.close()
        with ExitStack() as stopping:
            proxies = [
                stopping.enter_context(
                    closing(CatalogProxy(self._stack.port_base + port, self._stack.port("seaweedfs.iceberg")))
                )
                for port in _PROXY_PORTS
            ]
            self.sides = (self._theirs(proxies[0], stopping), self._ours(proxies[1], stopping))
            self._suffer_under_load(schema_id)
            self._await_quiet()
        theirs = self._tally(self._their_table())
        lost = self._overtaken()
        self.outstanding = theirs.lost - lost
        return replace(theirs, lost=lost), self._tally(self._our_table())

    def _theirs(self, proxy: CatalogProxy, stopping: ExitStack) -> Side:
        namespace = self._name.replace("-", "_")
        peer.make_table(self._stack, self._catalog, namespace)
        line = peer.command(self._stack, namespace)
        side = Side(line, {}, self._folder / "connect.log", proxy)
        stopping.callback(side.stop)
        peer.await_worker(self._stack)
        uri = {"iceberg.catalog.uri": f"http://127.0.0.1:{self._stack.port_base + _PROXY_PORTS[0]}"}
        peer.put(self._stack, self._topic, namespace, _THEIRS | uri)
        return side

    def _ours(self, proxy: CatalogProxy, stopping: ExitStack) -> Side:
        command = [sys.executable, "-P", "-m", "tests.support.lake_worker", self._topic]
        environ = {
            f"KAPSTAN_{name.upper()}": str(value)
            for name, value in self._settings.model_dump(exclude_defaults=True).items()
        }
        environ |= {
            "KAPSTAN_CATALOG_URI": f"http://127.0.0.1:{self._stack.port_base + _PROXY_PORTS[1]}",
            "KAPSTAN_LAKE_FLUSH_AGE_MS": str(COMMIT_EVERY_MS),
            "KAPSTAN_HTTP_PORT": "0",
            "LAKE_WORKER_UNBOUNDED": "1",
        }
        side = Side(command, environ, self._folder / "lake_sink.log", proxy)
        stopping.callback(side.stop)
        return side

    def _suffer_under_load(self, schema_id: int) -> None:
        """Send records until some follow the last blow; the first falls once both sinks have committed."""
        producer = self._broker.producer()
        rows = events(10_000_000, schema_id, time.time_ns() // 1_000_000)
        suffering = [threading.Thread(target=side.suffer, args=(self._blows,)) for side in self.sides]
        begun, fell, noted = time.monotonic(), None, 0.0
        while (now := time.monotonic()) < begun + _BEGINS_WITHIN_S or fell is not None:
            for key, value in islice(rows, int((now - begun) * RATE) - self._sent):
                producer.send(self._topic, key, value)
                self._sent += 1
            if now > noted + _NOTED_EVERY_S:
                noted = now
                self._note()
            if fell is None and all(side.commits_ms for side in self.sides):
                fell = now
                for thread in suffering:
                    thread.start()
            if any(thread.is_alive() for thread in suffering):
                fell = now
            elif fell is not None and now > fell + _FOLLOWED_FOR_S:
                break
            time.sleep(0.1)
        producer.flush(60)
        producer.close()
        if fell is None:
            raise AssertionError(f"not both have committed anything within {_BEGINS_WITHIN_S:.0f} s")

    def _await_quiet(self) -> None:
        """Wait until both tables hold what was sent, or neither has got a commit for a while.

        What has given up by then is started again by hand once, as its operator would, and has its time too.
        """
        peer.await_worker(self._stack)
        self._settle()
        self.by_hand = peer.restart_failed(self._stack, self._name.replace("-", "_"))
        if self.by_hand:
            self._settle()

    def _settle(self) -> None:
        deadline, seen = time.monotonic() + _QUIET_S, -1
        while time.monotonic() < deadline:
            held = [_rows(table) for table in (self._their_table(), self._our_table())]
            self._note()
            commits = sum(len(side.commits_ms) for side in self.sides)
            if commits != seen:
                seen, deadline = commits, time.monotonic() + _QUIET_S
            if all(rows >= self._sent for rows in held):
                return
            time.sleep(_POLL_S)

    def _note(self) -> None:
        self.sides[0].note(self._their_table())
        self.sides[1].note(self._our_table())

    def _their_table(self) -> Table:
        return self._catalog.load_table((self._name.replace("-", "_"), "events"))

    def _our_table(self) -> Table | None:
        try:
            return Tables(self._catalog, self._settings.bronze).find(self._topic)
        except NoSuchTableError:
            return None

    def _tally(self, table: Table | None) -> Tally:
        return judge_effects((f"tx{n:09d}" for n in range(self._sent)), _column(table, _ID))

    def _overtaken(self) -> int:
        """How many of the connector's missing records cannot be on their way; ours says where each stood."""
        lanes: dict[int, list[str]] = {}
        ours = self._our_table()
        for partition, name in sorted(zip(_column(ours, "_partition"), _column(ours, _ID), strict=True)):
            lanes.setdefault(partition, []).append(name)  # ids grow with offsets
        return overtaken(lanes.values(), _column(self._their_table(), _ID))


def _column(table: Table | None, name: str) -> list[Any]:
    return [] if table is None else list(table.scan(selected_fields=(name,)).to_arrow()[name].to_pylist())


def _rows(table: Table | None) -> int:
    snapshot = table.current_snapshot() if table is not None else None
    if snapshot is None or snapshot.summary is None:
        return 0
    return int(snapshot.summary.additional_properties.get("total-records", "0"))
