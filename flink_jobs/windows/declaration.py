"""A window as its file in schemas/windows declares it: which topic, key, time and aggregates."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from flink_jobs.windows.durations import Milliseconds

NAME = r"^[a-z][a-z0-9_]{0,62}$"
RESERVED = frozenset({"tenant", "window_start", "window_end"})
"""Columns that every window table has: they cannot be declared."""

Name = Annotated[str, Field(pattern=NAME)]
Scalar = str | int | bool


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tumble(_Frozen):
    """Windows of `size`, one after the other; [start, start + size), aligned to 1970-01-01 UTC."""

    type: Literal["tumble"]
    size: Milliseconds = Field(gt=0)


class Hop(_Frozen):
    """Windows of `size` that begin every `slide`: a row is in size / slide of them."""

    type: Literal["hop"]
    size: Milliseconds = Field(gt=0)
    slide: Milliseconds = Field(gt=0)

    @model_validator(mode="after")
    def _whole_number_of_slides(self) -> Self:
        if self.size % self.slide or self.size == self.slide:
            raise ValueError(
                f"got size {self.size} ms, slide {self.slide} ms, expected size to be 2, 3, ... times slide"
            )
        return self


class Session(_Frozen):
    """All rows of a key no further than `gap` apart; from the first to `gap` after the last."""

    type: Literal["session"]
    gap: Milliseconds = Field(gt=0)


Assigner = Annotated[Tumble | Hop | Session, Field(discriminator="type")]

Condition = Mapping[Name, Scalar | tuple[Scalar, ...]]
"""Field -> the value, or the values, it must have; all of them must hold. A null is no value."""


class Aggregate(_Frozen):
    """One column computed over the rows of a window; `where` restricts it to some of them."""

    function: Literal["count", "count_distinct", "sum", "min", "max"]
    field: Name | None = None
    where: Condition = Field(default_factory=dict)

    @model_validator(mode="after")
    def _field_fits_function(self) -> Self:
        if self.function == "count" and self.field is not None:
            raise ValueError(f"got field {self.field!r}, expected none: count counts rows")
        if self.function != "count" and self.field is None:
            raise ValueError(f"field is missing: {self.function} needs one")
        return self


class Ratio(_Frozen):
    """One column computed from two others: `ratio: [dividend, divisor]`, null when the divisor is 0."""

    ratio: tuple[Name, Name]


class Provisional(_Frozen):
    """A first result, computed `after` the window's end without waiting for late rows; the final follows."""

    after: Milliseconds = Field(description="How long after the end it is computed; the commit adds to it.")


class WindowDeclaration(_Frozen):
    """The declaration of one window, field for field; times are milliseconds.

    Rows come out once, when no row of theirs can come any more: `out_of_orderness` + `lateness` after the
    window's end in event time. A row that comes later is kept in the late table.
    """

    window: Name = Field(description="Its name; that of its file, its table and its job.")
    owner: Name = Field(description="The team to ask.")
    description: str = Field(min_length=1, description="One sentence.")
    topic: str = Field(description="A refined topic of the catalogue.")
    keys: tuple[Name, ...] = Field(min_length=1, description="Fields beside tenant, which is always one.")
    assign: Assigner
    where: Condition = Field(default_factory=dict, description="Which rows are its input; all by default.")
    aggregates: Mapping[Name, Aggregate] = Field(min_length=1)
    derived: Mapping[Name, Ratio] = Field(default_factory=dict)
    out_of_orderness: Milliseconds = Field(description="How far apart rows of a partition normally come.")
    lateness: Milliseconds = Field(description="How much longer a window waits.")
    checkpoint_interval: Milliseconds = Field(
        ge=1000, description="How often rows are committed to the lake."
    )

    provisional: Provisional | None = Field(
        default=None, description="Whether a table beside it has first results."
    )

    @field_validator("window")
    @classmethod
    def _no_name_of_a_table_beside(cls, value: str) -> str:
        if value.endswith(("_late", "_provisional")):
            raise ValueError(f"got {value!r}, but tables beside a window's own end so: choose another name")
        return value

    @model_validator(mode="after")
    def _provisional_comes_first(self) -> Self:
        if self.provisional is None:
            return self
        if isinstance(self.assign, Session):
            # pydantic makes a message for people of a ValueError only.
            raise ValueError("provisional: a session has no end before it is final; leave it out")  # noqa: TRY004
        if self.provisional.after >= self.settle_ms:
            raise ValueError(
                f"provisional.after: got {self.provisional.after} ms, expected less than out_of_orderness and"
                f" lateness together, {self.settle_ms} ms, after which the final row comes"
            )
        return self

    @field_validator("keys")
    @classmethod
    def _each_key_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "tenant" in value:
            raise ValueError("got tenant, which is part of every key by itself: leave it out")
        if len(set(value)) < len(value):
            raise ValueError(f"got {', '.join(value)}, expected each field once")
        return value

    @model_validator(mode="after")
    def _columns_are_told_apart(self) -> Self:
        taken = RESERVED | set(self.keys)
        for name in (*self.aggregates, *self.derived):
            if name in taken:
                raise ValueError(f"column {name!r} is there already: choose another name")
            taken |= {name}
        for name, derived in self.derived.items():
            for term in derived.ratio:
                if term not in self.aggregates:
                    raise ValueError(
                        f"derived.{name}.ratio: {term!r} is none of {', '.join(self.aggregates)}"
                    )
        return self

    @property
    def settle_ms(self) -> int:
        """Milliseconds of event time after a window's end from which on a row of it is late."""
        return self.out_of_orderness + self.lateness

    @property
    def table(self) -> str:
        """The table of its rows, in the lake's namespace of windows."""
        return self.window

    @property
    def late_table(self) -> str:
        """The table of the rows that came too late, in the same namespace."""
        return f"{self.window}_late"
