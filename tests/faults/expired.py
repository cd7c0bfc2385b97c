"""Somebody else writes to a bronze table and expires every snapshot that carries the sink's positions."""

from pyiceberg.table import Table

from cli.audit import lake_settings
from services.lake_sink.catalog import open_catalog
from services.lake_sink.summary import POSITIONS
from tests.faults.errors import NotShownError
from tests.faults.refusal import Refusals
from tests.faults.schedule import Kind, Step
from tests.faults.stage import Stage

TABLE = ("bronze", "payments_transactions_v1")
KIND = Kind("expired", {"lake_sink": ("",)}, alone=True, spends=True, weight=0.3)


class Expired:
    """See the module. lake_sink cannot know any more where to go on: it has to refuse."""

    def __init__(self, step: Step) -> None:
        """Take the step that it is."""
        self._victim = step.victim
        self._refusals = Refusals({step.victim: (f"none carries {POSITIONS}", "Roll it back")})
        self._before = self._left = -1

    def apply(self, stage: Stage) -> None:
        catalog = open_catalog(lake_settings(stage.stack))
        stage.until(lambda: _carrying(catalog.load_table(TABLE)) > 0, 60, "lake_sink has not committed yet")
        stage.stop(self._victim)
        self._refusals.begin(stage)
        table = catalog.load_table(TABLE)
        self._before = _carrying(table)
        table.append(table.schema().as_arrow().empty_table())
        table = catalog.load_table(TABLE)
        current = table.metadata.current_snapshot_id
        old = [each.snapshot_id for each in table.metadata.snapshots if each.snapshot_id != current]
        table.maintenance.expire_snapshots().by_ids(old).commit()
        self._left = _carrying(catalog.load_table(TABLE))

    def heal(self, stage: Stage) -> None:
        stage.launch(self._victim)
        self._refusals.await_all(stage)

    def shown(self, stage: Stage) -> str:
        if not self._before or self._left:
            raise NotShownError(f"{self._before} snapshots carried positions, then {self._left}")
        return f"{self._before} snapshots with positions were expired; lake_sink refused"


def _carrying(table: Table) -> int:
    """How many snapshots of a table carry the sink's positions."""
    summaries = (each.summary.additional_properties for each in table.metadata.snapshots if each.summary)
    return sum(POSITIONS in each for each in summaries)


FAULT = Expired
