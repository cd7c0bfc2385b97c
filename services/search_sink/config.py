"""Settings of search_sink."""

from pydantic import Field

from streamkit.config import WorkerSettings


class SearchSettings(WorkerSettings):
    """Where OpenSearch is, and how much one bulk request takes."""

    opensearch_url: str = Field(pattern=r"^https?://", description="Base URL of OpenSearch.")
    search_flush_age_ms: int = Field(default=500, ge=50, le=60_000, description="Age of a bulk request.")
    search_flush_records: int = Field(default=2_000, ge=1, le=50_000, description="Most documents in one.")
    search_flush_bytes: int = Field(default=8 * 1024 * 1024, ge=1, description="Most bytes in one.")
    search_retry_seconds: float = Field(
        default=20.0,
        ge=0,
        le=300,
        description="How long refused items are tried again before the loop waits.",
    )
