"""Typed settings of every service, read from the environment and frozen.

A service starts with settings that make sense or not at all: `ServiceSettings.load` turns every
problem into one message that names the environment variable, what it held and what it takes.
"""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretBytes, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from streamkit.errors import StopError

ENV_PREFIX = "KAPSTAN_"
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Mode = Literal["live", "replay"]


class ConfigError(StopError):
    """The environment does not describe a service that can run; restarting will not help."""


def refuse(field: str, got: object, expected: str) -> Exception:
    """Return the error for a field whose value contradicts another's; a validator raises it.

    Args:
        field: the field's name, such as `namespace`; the message names its environment variable.
        got: the value found.
        expected: what would be right, as a phrase that follows "expected".
    """
    return PydanticCustomError(
        "refused",
        "{field}: got {got}, expected {expected}",
        {"field": field, "got": repr(got), "expected": expected},
    )


class ServiceSettings(BaseSettings):
    """What every service needs to know. Read with `load()`; never changes afterwards."""

    model_config = SettingsConfigDict(frozen=True, env_prefix=ENV_PREFIX, extra="ignore")

    bootstrap_servers: str = Field(
        min_length=1, description="The addresses of Kafka brokers, host:port[,host:port]."
    )
    registry_url: str = Field(description="Base URL of the schema registry, without a path.")
    namespace: str = Field(
        default="",
        pattern=r"^([a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)?$",
        description="Prefix of topics, groups and tables; empty for the live system.",
    )
    http_host: str = Field(default="127.0.0.1", description="Address of the health server.")
    http_port: int = Field(ge=0, le=65535, description="Its port; 0 takes a free one.")
    log_level: LogLevel = Field(default="INFO", description="Least severity that is logged.")
    schemas_dir: Path = Field(default=Path("schemas"), description="The folder with avro/ and topics/.")

    @field_validator("bootstrap_servers")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for address in value.split(","):
            host, colon, port = address.strip().rpartition(":")
            if not (host and colon and port.isdecimal()):
                raise refuse("bootstrap_servers", value, "host:port, several separated by commas")
        return value

    @field_validator("registry_url")
    @classmethod
    def _http_url(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise refuse("registry_url", value, "a URL that begins with http:// or https://")
        return value.rstrip("/")

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the settings from the environment.

        Args:
            overrides: values that win over the environment; tests and the CLI use them.

        Raises:
            ConfigError: naming each bad variable, what it held and what was expected.
        """
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise ConfigError(
                f"{cls.__name__}: " + "; ".join(_problem(cls, detail) for detail in error.errors()) + ".",
                hint="Set the variables named above and start the service again.",
            ) from error


class WorkerSettings(ServiceSettings):
    """What a service with a Transform or Sink loop needs besides."""

    state_dir: Path = Field(description="Folder of this slot's local state; made when missing.")
    slot: str = Field(
        default="0",
        pattern=r"^[A-Za-z0-9_-]{1,32}$",
        description="Stable name of this instance; two instances of a service never share one.",
    )
    commit_interval_ms: int = Field(default=10, ge=1, le=1000, description="Time between two commits.")
    max_batch: int = Field(default=5000, ge=1, le=100_000, description="Most records in one commit.")
    mode: Mode = Field(default="live", description="live, or replay into a namespace of its own.")
    replay_plan: Path | None = Field(default=None, description="What a replay processes, as JSON.")

    @model_validator(mode="after")
    def _replay_keeps_out_of_live(self) -> Self:
        if self.mode == "replay" and not self.namespace:
            raise refuse(
                "namespace", self.namespace, "a name because KAPSTAN_MODE=replay must not write live topics"
            )
        return self


def variable(field: str) -> str:
    """Return the environment variable that sets a field."""
    return ENV_PREFIX + field.upper()


def _problem(settings: type[ServiceSettings], detail: ErrorDetails) -> str:
    if detail["type"] == "refused":
        context = detail["ctx"]
        return f"{variable(context['field'])}: got {context['got']}, expected {context['expected']}"
    name = str(detail["loc"][0]) if detail["loc"] else "?"
    if detail["type"] == "missing":
        about = settings.model_fields[name].description or "A value."
        return f"{variable(name)}: not set, expected {about[0].lower()}{about[1:].rstrip('.')}"
    expected = (
        detail["msg"].removeprefix("Input should be ").replace("String should match", "text that matches")
    )
    return f"{variable(name)}: got {_shown(settings, name, detail['input'])}, expected {expected}"


def _shown(settings: type[ServiceSettings], name: str, value: object) -> str:
    """Return the value for a message, but never a secret's."""
    field = settings.model_fields.get(name)
    return "a secret" if field is not None and field.annotation in (SecretStr, SecretBytes) else repr(value)
