"""Settings of lake_sink."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from services.lake_sink.lines import MAIN
from streamkit.config import WorkerSettings, refuse


class LakeSettings(WorkerSettings):
    """Where the lake is, and how much a commit gathers; whichever limit comes first ends it."""

    catalog_uri: str = Field(pattern=r"^https?://", description="Iceberg REST catalog.")
    warehouse: str = Field(default="s3://lake", pattern=r"^s3://[a-z0-9.-]+$", description="Table bucket.")
    s3_endpoint: str = Field(pattern=r"^https?://", description="Object store that speaks S3.")
    s3_region: str = Field(default="us-east-1", description="Region that requests are signed for.")
    s3_access_key_file: Path = Field(description="JSON file with access_key and secret_key, mode 0600.")
    lake_flush_age_ms: int = Field(default=10_000, ge=100, le=600_000, description="Age of a commit.")
    lake_flush_records: int = Field(default=100_000, ge=1, description="Most rows in a commit.")
    lake_flush_bytes: int = Field(
        default=32 * 1024 * 1024, ge=1, description="Most bytes of records in a commit; as rows they double."
    )
    lake_keep_snapshots: int = Field(
        default=50, ge=2, description="Snapshots a table keeps; older ones are dropped by the next commit."
    )

    lake_grace_s: int = Field(
        default=3_600, ge=0, description="A metadata file stays so long, for readers of its snapshot."
    )

    lake_branch: str = Field(
        default="",
        pattern=r"^[a-z0-9-]*$",
        description="Branch of live's tables that a replay writes to; empty for tables of its own.",
    )

    @model_validator(mode="after")
    def _live_writes_to_main(self) -> Self:
        if self.lake_branch and self.mode == "live":
            raise refuse("lake_branch", self.lake_branch, "nothing, because KAPSTAN_MODE is live")
        return self

    @property
    def bronze(self) -> str:
        """The Iceberg namespace of the bronze tables; a replay's lies beside the live one."""
        if not self.namespace or self.lake_branch:
            return "bronze"
        return f"{self.namespace.replace('-', '_')}_bronze"

    @property
    def ref(self) -> str:
        """The branch of the tables; Iceberg's own name for live's."""
        return self.lake_branch or MAIN
