"""Where the window jobs find their parts, read from KAPSTAN_ variables."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flink_jobs.windows.errors import SettingsError

_PREFIX = "KAPSTAN_"


class Key(NamedTuple):
    """An S3 key pair."""

    access_key: str
    secret_key: str


class Settings(BaseModel):
    """One field per variable: `flink_url` is KAPSTAN_FLINK_URL. Frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str = Field(description="Kafka, host:port[,host:port].")
    registry_url: str = Field(description="Base URL of the schema registry, without a path.")
    flink_url: str = Field(description="The JobManager's REST API.")
    catalog_uri: str = Field(description="The Iceberg REST catalog.")
    warehouse: str = Field(description="Its warehouse.")
    s3_endpoint: str = Field(description="The object store.")
    s3_region: str = Field(default="us-east-1", description="Its region.")
    s3_access_key_file: Path | None = Field(
        default=None,
        description="JSON with access_key and secret_key; without it the AWS default chain is asked.",
    )
    checkpoints_dir: Path = Field(description="Folder of checkpoints, seen by JobManager and TaskManager.")
    state_dir: Path = Field(description="Folder of marks of stopped windows and of applied forms.")
    schemas_dir: Path = Field(
        default=Path("schemas"), description="The folder with windows/, topics/, avro/."
    )
    namespace: str = Field(
        default="",
        pattern=r"^([a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)?$",
        description="Prefix of topics, groups and tables; empty for the live system.",
    )
    parallelism: int = Field(
        default=2, ge=2, description="Of each job. From 1 no checkpoint could be taken over by a larger one."
    )
    checkpoint_interval_ms: int | None = Field(
        default=None, ge=1000, description="Instead of the declarations' own, for a demonstration."
    )

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from `environ`; an empty variable is not set.

        Raises:
            SettingsError: naming each variable that is missing or wrong.
        """
        given = {
            name: environ[_PREFIX + name.upper()]
            for name in cls.model_fields
            if environ.get(_PREFIX + name.upper())
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problems = [f"{_PREFIX}{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors()]
            raise SettingsError("the window jobs' settings are wrong:\n  " + "\n  ".join(problems)) from error

    @property
    def database(self) -> str:
        """The Iceberg namespace of the window tables; a replay's lies beside the live one."""
        return f"{self.namespace.replace('-', '_')}_gold" if self.namespace else "gold"

    def qualified(self, name: str) -> str:
        """A topic, group or job inside the namespace."""
        return f"{self.namespace}.{name}" if self.namespace else name

    def key(self) -> Key | None:
        """The S3 key, read anew from its file; None when there is no file. OSError when it cannot be read."""
        if self.s3_access_key_file is None:
            return None
        content = json.loads(self.s3_access_key_file.read_text(encoding="utf-8"))
        return Key(content["access_key"], content["secret_key"])
