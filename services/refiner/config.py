"""The refiner's settings; every field is an environment variable, see README.md."""

from pydantic import Field

from streamkit.config import WorkerSettings


class RefinerSettings(WorkerSettings):
    """What the refiner needs beside what every worker does."""

    # Nobody decides on clicks within milliseconds, and a transaction costs the broker the same for one record
    # as for a hundred.
    commit_interval_ms: int = Field(default=100, ge=1, le=1000, description="Time between two commits.")
    repeat_window_hours: int = Field(
        default=24,
        ge=1,
        le=24 * 30,
        description="How long an event id is remembered, in hours of ingest time.",
    )
    future_limit_minutes: int = Field(
        default=24 * 60, ge=5, description="How far an event time may lie after the ingest time, in minutes."
    )
