"""The scorer's settings; every field is an environment variable, see README.md."""

from pydantic import Field

from streamkit.config import WorkerSettings


class FraudScorerSettings(WorkerSettings):
    """What the scorer needs beside what every worker does."""

    history: bool = Field(
        default=False,
        description="Process what the topic holds now, merged by event time, and end. One worker only.",
    )
