"""pyiceberg's append, with its automatic commit retry, by two writers at once and behind lost answers.

Ours, lake_sink's destination, writes the same records into a table of its own and meets the same.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from threading import Barrier
from typing import Protocol

import pyarrow as pa
from pyiceberg.exceptions import NamespaceAlreadyExistsError
from pyiceberg.table import Table
from requests import RequestException

from local.stack import Stack
from services.lake_sink.app import destination
from services.lake_sink.catalog import open_catalog
from services.lake_sink.config import LakeSettings
from services.lake_sink.destination import LakeDestination
from services.lake_sink.errors import LakeAwayError, StaleBatchError
from services.lake_sink.tables import Tables
from streamkit.avro import Schema
from streamkit.clock import SystemClock
from streamkit.kafka.broker import KafkaBroker
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition
from streamkit.registry import RegistryClient, subject_of
from streamkit.serde import AvroEncoder
from tests.faults.controls.control import Outcome
from tests.faults.controls.judge import Tally, judge_effects
from tests.faults.proxy import LOST, CatalogProxy
from tests.support.lake_settings import lake_settings

NAME = "pyiceberg_append"
PARTS = ("kafka", "registry", "seaweedfs")
ROWS, BATCH = 1000, 200
WRITERS = 2
_ENDS = range(BATCH, ROWS + 1, BATCH)
_OFFSET = "writer.next-offset"
_ATTEMPTS = 5
_MEET_WITHIN_S = 120.0
_INGEST_MS = 1_700_000_000_000
_EVENT = {"type": "record", "name": "Event", "fields": [{"name": "n", "type": "long"}]}
# Behind the ports that a stack's own parts have.
_PROXY_PORT = 70


def run(stack: Stack, folder: Path, name: str) -> Outcome:
    """Run the control; blocks for a minute or two on a busy machine.

    Args:
        stack: with Kafka, registry and SeaweedFS.
        folder: for state.
        name: of topic and namespace, new on this stack.
    """
    with ExitStack() as closing_all:
        upstream = stack.port("seaweedfs.iceberg")
        proxy = closing_all.enter_context(closing(CatalogProxy(stack.port_base + _PROXY_PORT, upstream)))
        world = closing_all.enter_context(closing(_World(stack, folder, name, stack.port_base + _PROXY_PORT)))
        theirs, ours = _raced(world)
        theirs_alone, ours_alone = _cut_off(world, proxy)
        lost = len(proxy.done)
    befell = (
        f"{WRITERS} writers with the same {ROWS:,} offsets: the known way doubled {theirs.doubled:,};"
        f" one writer, {lost} answers of the catalog lost: {theirs_alone.doubled:,}"
    )
    return Outcome(NAME, befell, theirs + theirs_alone, ours + ours_alone)


class Writer(Protocol):
    """Something that puts rows of offsets into a table."""

    def stands(self) -> int:
        """Return the offset from which on the table has nothing yet, as the table says it."""
        ...

    def put(self, start: int, end: int) -> None:
        """Put in the rows from `start` to before `end`, once."""
        ...


class Appender:
    """Appends with pyiceberg, and keeps its position in the snapshot's summary, read before each batch."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def stands(self) -> int:
        snapshot = self._table.refresh().current_snapshot()
        if snapshot is None or snapshot.summary is None:
            return 0
        return int(snapshot.summary.additional_properties[_OFFSET])

    def put(self, start: int, end: int) -> None:
        self._table.append(_arrow(start, end), snapshot_properties={_OFFSET: str(end)})


class Resender(Appender):
    """The same, and a batch of which it is told that it failed is appended again."""

    def put(self, start: int, end: int) -> None:
        for _ in range(_ATTEMPTS - 1):
            with suppress(RequestException):
                super().put(start, end)
                return
        super().put(start, end)


class Sink:
    """Ours: what the sink's loop does with a destination that lake_sink made."""

    def __init__(
        self, lake: LakeDestination, tp: TopicPartition, records: Callable[..., list[Record]]
    ) -> None:
        self._lake, self._tp, self._records = lake, tp, records

    def stands(self) -> int:
        return self._lake.open([self._tp])[self._tp]

    def put(self, start: int, end: int) -> None:
        self._lake.write(self._records(start, end))
        # What the loop does then is to begin anew where the table stands.
        with suppress(StaleBatchError, LakeAwayError):
            self._lake.commit(Positions.of({self._tp: end}))


def fill(writer: Writer, start: int, end: int) -> None:
    """Write until the table stands at `end`, from `start`, which was read before. Blocks."""
    while start < end:
        writer.put(start, end)
        start = writer.stands()


def race(writers: Sequence[Writer]) -> None:
    """Let each write all batches; all read where the table stands before any of them writes. Blocks."""
    meeting = Barrier(len(writers), timeout=_MEET_WITHIN_S)

    def write(writer: Writer) -> None:
        for end in _ENDS:
            start = writer.stands()
            meeting.wait()
            fill(writer, start, end)
            meeting.wait()

    with ThreadPoolExecutor(len(writers)) as pool:
        list(pool.map(write, writers))


class _World:
    """One topic, tables of both ways, and the catalog with and without the proxy before it."""

    def __init__(self, stack: Stack, folder: Path, name: str, proxy_port: int) -> None:
        self.direct = lake_settings(stack, folder, name)
        self.proxied = self.direct.model_copy(update={"catalog_uri": f"http://127.0.0.1:{proxy_port}"})
        self._broker = KafkaBroker(stack.bootstrap_servers)
        self._registry = RegistryClient(stack.registry_url)
        self._opened: list[LakeDestination] = []

    def sink(self, topic: str, settings: LakeSettings) -> Sink:
        """A sink of ours for partition 0 of a topic."""
        lake = destination(settings, self._registry, self._broker.admin(), SystemClock())
        self._opened.append(lake)
        schema_id = self._registry.register(subject_of(topic), Schema.of(_EVENT))
        encode = AvroEncoder(_EVENT, schema_id).encode
        tp = TopicPartition(topic, 0)

        def records(start: int, end: int) -> list[Record]:
            return [Record(*tp, n, _INGEST_MS, None, encode({"n": n})) for n in range(start, end)]

        return Sink(lake, tp, records)

    def create_topic(self, topic: str) -> None:
        """Make a topic: the sink notes its id."""
        self._broker.admin().create_topic(topic, 1, {})

    def create_table(self, table: str) -> None:
        """Make an empty table for pyiceberg's writers."""
        catalog = open_catalog(self.direct)
        with suppress(NamespaceAlreadyExistsError):
            catalog.create_namespace(self.direct.bronze)
        catalog.create_table((self.direct.bronze, table), _arrow(0, 0).schema)

    def table(self, table: str, settings: LakeSettings) -> Table:
        """Load a table by a catalog of its own, as each process has one."""
        return open_catalog(settings).load_table((self.direct.bronze, table))

    def judged(self, table: Table | None, column: str) -> Tally:
        """Compare the table's offsets with those written."""
        found = [] if table is None else table.refresh().scan().to_arrow()[column].to_pylist()
        return judge_effects(range(ROWS), found)

    def bronze(self, topic: str) -> Table | None:
        """The table that our sink has made."""
        return Tables(open_catalog(self.direct), self.direct.bronze).find(topic)

    def close(self) -> None:
        """Close what was opened."""
        for lake in self._opened:
            lake.close()
        self._registry.close()
        self._broker.close()


def _raced(world: _World) -> tuple[Tally, Tally]:
    table, topic = "raced", f"{world.direct.namespace}-raced"
    world.create_table(table)
    race([Appender(world.table(table, world.direct)) for _ in range(WRITERS)])
    world.create_topic(topic)
    sinks = [world.sink(topic, world.direct) for _ in range(WRITERS)]
    sinks[0].stands()  # one makes the table, the others find it
    race(sinks)
    theirs = world.judged(world.table(table, world.direct), "offset")
    return theirs, world.judged(world.bronze(topic), "_offset")


def _cut_off(world: _World, proxy: CatalogProxy) -> tuple[Tally, Tally]:
    table, topic = "cut_off", f"{world.direct.namespace}-cut-off"
    world.create_table(table)
    world.create_topic(topic)
    theirs, ours = Resender(world.table(table, world.proxied)), world.sink(topic, world.proxied)
    for writer in (theirs, ours):
        for end in _ENDS:
            start = writer.stands()
            proxy.arm(LOST)
            fill(writer, start, end)
    proxy.disarm()
    found = world.judged(world.table(table, world.direct), "offset")
    return found, world.judged(world.bronze(topic), "_offset")


def _arrow(start: int, end: int) -> pa.Table:
    return pa.table({"offset": pa.array(range(start, end), pa.int64())})
