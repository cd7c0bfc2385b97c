"""The enricher's settings; every field is an environment variable, see README.md."""

from pydantic import Field

from streamkit.config import WorkerSettings


class EnricherSettings(WorkerSettings):
    """What the enricher needs beside what every worker does."""

    repeat_window_hours: int = Field(
        default=24,
        ge=1,
        le=24 * 30,
        description="How long a transaction id is remembered, in hours of ingest time.",
    )
    future_limit_minutes: int = Field(
        default=24 * 60, ge=5, description="How far an event time may lie after the ingest time, in minutes."
    )
    history: bool = Field(
        default=False,
        description="Process what the topic holds now, merged by event time, and end. One worker only.",
    )
