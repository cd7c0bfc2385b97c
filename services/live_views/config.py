"""What live_views needs to know; read once from the environment."""

from pathlib import Path

from pydantic import Field

from streamkit.config import ServiceSettings


class LiveViewsSettings(ServiceSettings):
    """Settings of the service; every field is `KAPSTAN_<NAME>` in the environment."""

    state_dir: Path = Field(description="Folder that Faust may write to; the tables live in memory.")
    slot: str = Field(
        default="0",
        pattern=r"^[A-Za-z0-9_-]{1,32}$",
        description="Stable name of this instance; two instances never share one.",
    )
    batch_ms: int = Field(
        default=100, ge=10, le=1000, description="Longest time that a decision waits for its batch."
    )
    max_run: int = Field(
        default=1000, ge=1, le=50_000, description="Most decisions fetched of a partition at once."
    )
