"""The dashboard's source as typed values; `load` refuses what it does not understand."""

from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["area", "line", "bar", "pie", "table", "list"]
NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"
Name = Annotated[str, Field(pattern=NAME)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_min_length=1)


class Index(_Strict):
    """Indices that a pattern names, and the field that is their time."""

    pattern: str
    time: str


class Split(_Strict):
    """Buckets by the values of a keyword field, the `size` largest ones."""

    field: str
    size: int = Field(ge=1, le=100)


class Metric(_Strict):
    """What is computed per bucket; none of them counts documents. One of the fields at most."""

    sum: str | None = None
    avg: str | None = None
    cardinality: str | None = None
    percentiles: str | None = None
    at: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(field is not None for field in (self.sum, self.avg, self.cardinality, self.percentiles)) > 1:
            raise ValueError("a panel has one metric")
        if bool(self.percentiles) is not bool(self.at):
            raise ValueError("percentiles need `at`, and only they do")
        return self


class Panel(_Strict):
    """One panel: documents of an index, filtered by a query, as buckets and a metric or as a list.

    `place` is column, row, width and height on Dashboards' grid, which is 48 columns wide.
    """

    id: Name
    title: str
    kind: Kind
    index: str
    query: str = "*"
    over_time: str | None = None
    metric: Metric = Metric()
    split: tuple[Split, ...] = ()
    columns: tuple[str, ...] = ()
    place: tuple[int, int, int, int]

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.kind == "list") is not bool(self.columns):
            raise ValueError(f"panel {self.id}: a list has columns, and nothing else has")
        if self.kind in {"area", "line"} and self.over_time is None:
            raise ValueError(f"panel {self.id}: {self.kind} needs over_time")
        if self.kind in {"bar", "pie", "table"} and not self.split:
            raise ValueError(f"panel {self.id}: {self.kind} needs split")
        column, row, width, height = self.place
        if not (0 <= column < column + width <= 48 and row >= 0 and height > 0):
            raise ValueError(f"panel {self.id}: {list(self.place)} is no place on a grid 48 wide")
        return self


class Dashboard(_Strict):
    """A dashboard with everything it shows."""

    id: Name
    title: str
    description: str
    since: str
    indices: dict[Name, Index]
    panels: tuple[Panel, ...]

    @model_validator(mode="after")
    def _closed(self) -> Self:
        ids = [panel.id for panel in self.panels]
        if len(ids) != len(set(ids)):
            raise ValueError("two panels have the same id")
        for panel in self.panels:
            if panel.index not in self.indices:
                raise ValueError(f"panel {panel.id}: there is no index {panel.index}")
        return self


def load(path: Path) -> Dashboard:
    """Read a dashboard's source.

    Raises:
        ValueError: it is not one; the message names every problem (pydantic's ValidationError).
    """
    return Dashboard.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
