"""A window's tables with those of its replay, as far as nothing can change them any more."""

from collections.abc import Sequence
from pathlib import Path

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import NoSuchTableError

from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.load import load
from replay.compare import Pair
from replay.errors import ReplayRefusedError
from replay.gold import Horizon, LateStore, Row, Rows, WindowStore
from replay.kept import Replay
from services.lake_sink.catalog import open_catalog
from services.lake_sink.config import LakeSettings
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.errors import DeadLetterError
from streamkit.read import Told, span
from streamkit.topics_apply import Platform

LIVE = "gold"


def window_pairs(
    replay: Replay, platform: Platform, schemas: Path, lake: LakeSettings, told: Told
) -> tuple[list[Pair], list[str]]:
    """Return what is compared for a window, and what has to be said about it; reads the replayed span.

    Raises:
        ReplayRefusedError: the window is not declared any more.
    """
    window = load(schemas).get(replay.target.name)
    if window is None:
        raise ReplayRefusedError(
            f"the window {replay.target.name} is not declared any more", hint="Bring its declaration back"
        )
    horizon = _horizon(window, replay, platform, schemas, told)
    notes = []
    if horizon.final_ms is None:
        notes.append("No row is final yet: a partition of the topic has held nothing.")
    catalog, declared = open_catalog(lake), window.declaration
    databases = (LIVE, f"{replay.namespace.replace('-', '_')}_{LIVE}")
    keys = [field.name for field in window.keys]
    ends = {tp.partition: end for tp, end in replay.plan.ends.items()}
    on_time = [
        WindowStore(name, _rows_of(catalog, name), keys, horizon.final_ms, replay.since_ms)
        for name in (f"{database}.{declared.table}" for database in databases)
    ]
    late = [
        LateStore(name, _rows_of(catalog, name), ends, replay.since_ms)
        for name in (f"{database}.{declared.late_table}" for database in databases)
    ]
    return [Pair(live.name, live, replayed) for live, replayed in (on_time, late)], notes


def _horizon(window: BoundWindow, replay: Replay, platform: Platform, schemas: Path, told: Told) -> Horizon:
    decoder = Codecs(Catalogue.load(schemas), platform.registry).decoder(window.declaration.topic)
    horizon, ends = Horizon(window, replay.plan.ends), replay.plan.ends
    for records in span(platform.broker, dict.fromkeys(ends, 0), ends, platform.clock, told):
        for record in records:
            try:
                horizon.take(record, decoder.decode(record.value or b"")[window.event_time])
            except DeadLetterError:
                continue
    return horizon


def _rows_of(catalog: RestCatalog, name: str) -> Rows:
    def rows() -> Sequence[Row]:
        try:
            found: list[Row] = catalog.load_table(tuple(name.split("."))).scan().to_arrow().to_pylist()
        except NoSuchTableError:
            return []
        return found

    return rows
