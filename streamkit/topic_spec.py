"""One topic's catalogue entry: what it is, how it is kept, who writes it and who reads it."""

import re
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

Compatibility = Literal[
    "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"
]
FOREVER = "forever"
RETENTION_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_RETENTION = re.compile(r"([1-9][0-9]*)([mhd])")
_PERSON = r"^[a-z][a-z0-9_]*$"


class TopicSpec(BaseModel):
    """The catalogue file of a topic, field for field. Frozen; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_min_length=1)

    topic: str = Field(
        pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=200, description="Its name in Kafka."
    )
    owner: str = Field(pattern=_PERSON, description="The team to ask.")
    description: str = Field(description="One sentence.")
    schema_file: str = Field(
        pattern=r"^[A-Za-z0-9._-]+\.avsc$", description="Its value schema in schemas/avro."
    )
    key: str = Field(description="The field whose text is the record's key.")
    event_time: str = Field(description="The field that says when it happened, in milliseconds.")
    event_id: str | None = Field(description="The field that makes an event unique within its tenant.")
    partitions: int = Field(ge=1, le=1000, description="Never changes: more means a new topic.")
    retention: str = Field(description="How long Kafka keeps a record: 30m, 12h, 7d or forever.")
    cleanup: Literal["delete", "compact"]
    compatibility: Compatibility = Field(description="How a schema may change. NONE would allow anything.")
    producers: tuple[str, ...] = Field(min_length=1)
    consumers: tuple[str, ...]
    ingest: bool = Field(description="Whether the gateway accepts events for it.")
    bronze: bool = Field(description="Whether the lake keeps it.")
    refined_from: str | None = Field(default=None, description="The topic of which it is the refined form.")
    managed_by: Literal["debezium"] | None = Field(
        default=None, description="Who makes and writes it instead."
    )
    rejects: Literal["keep", "drop"] = Field(default="keep", description="What becomes of bad input.")

    @field_validator("retention")
    @classmethod
    def _duration(cls, value: str) -> str:
        if value != FOREVER and not _RETENTION.fullmatch(value):
            raise _refuse(value, "a number and a unit (30m, 12h, 7d) or forever")
        return value

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.event_id is None and self.managed_by is None:
            raise _refuse(None, "a field: without an event id a repeat cannot be told", "event_id")
        if self.ingest and "ingest_gateway" not in self.producers:
            raise _refuse(
                list(self.producers), "ingest_gateway among them because ingest is true", "producers"
            )
        if self.refined_from and self.producers != ("refiner",):
            raise _refuse(list(self.producers), "[refiner] because refined_from is set", "producers")
        if self.refined_from == self.topic:
            raise _refuse(self.refined_from, "another topic than itself", "refined_from")
        if self.managed_by and self.ingest:
            raise _refuse(self.ingest, f"false because {self.managed_by} writes it", "ingest")
        return self

    @property
    def retention_ms(self) -> int:
        """How long Kafka keeps a record in milliseconds; -1 keeps it forever, as Kafka writes it."""
        match = _RETENTION.fullmatch(self.retention)
        return int(match[1]) * RETENTION_UNITS_MS[match[2]] if match else -1

    @property
    def kafka_config(self) -> dict[str, str]:
        """The topic's settings in Kafka; nothing else of its configuration is ours."""
        return {"cleanup.policy": self.cleanup, "retention.ms": str(self.retention_ms)}


def lenient(data: dict[str, Any]) -> TopicSpec:
    """Return the spec of a published entry, leaving out fields that a newer version may have added.

    Raises:
        pydantic.ValidationError: what this version knows of it is wrong.
    """
    return TopicSpec(**{name: value for name, value in data.items() if name in TopicSpec.model_fields})


def problems(error: ValidationError) -> list[tuple[str, str]]:
    """Return (field, "got ..., expected ...") for each error of a spec, in the order of the fields."""
    return [_problem(detail) for detail in error.errors()]


def _refuse(got: object, expected: str, field: str = "") -> PydanticCustomError:
    return PydanticCustomError(
        "refused", "got {got}, expected {expected}", {"got": repr(got), "expected": expected, "field": field}
    )


def _problem(detail: ErrorDetails) -> tuple[str, str]:
    field = ".".join(str(step) for step in detail["loc"])
    if detail["type"] == "refused":
        return detail["ctx"]["field"] or field, detail["msg"]
    if detail["type"] == "missing":
        about = TopicSpec.model_fields[field].description or "a value"
        return field, f"is missing: {about}"
    if detail["type"] == "extra_forbidden":
        return field, f"is no field of a topic; those are {', '.join(TopicSpec.model_fields)}"
    expected = (
        detail["msg"].removeprefix("Input should be ").replace("String should match", "text that matches")
    )
    return field, f"got {detail['input']!r}, expected {expected}"
