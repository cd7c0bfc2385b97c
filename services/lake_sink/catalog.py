"""The Iceberg REST catalog: opened with time limits, and its answers to a commit told apart."""

import json
from typing import Any

import requests
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pyiceberg.catalog import load_catalog
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    CommitStateUnknownException,
    RESTError,
    ServerError,
    ServiceUnavailableError,
    TooManyRequestsError,
)
from pyiceberg.io import PY_IO_IMPL
from requests.adapters import HTTPAdapter

from services.lake_sink.config import LakeSettings
from services.lake_sink.decision import Answer
from services.lake_sink.fileio import LakeFileIO
from streamkit.config import ConfigError

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0

AWAY = (
    OSError,  # of requests and of pyarrow's file system, for whatever cuts a call short
    CommitStateUnknownException,
    ServerError,
    ServiceUnavailableError,
    TooManyRequestsError,
)
"""What says that the catalog or the object store cannot answer for now."""


class AccessKey(BaseModel):
    """The JSON file that holds the object store's key."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    access_key: str
    secret_key: SecretStr


def open_catalog(settings: LakeSettings) -> RestCatalog:
    """Open the catalog; reads the key file and asks the catalog for its configuration.

    Raises:
        ConfigError: the key file is missing or not one.
    """
    key = _access_key(settings)
    secret = key.secret_key.get_secret_value()
    catalog = load_catalog(
        "lake",
        **{
            "type": "rest",
            "uri": settings.catalog_uri,
            "warehouse": settings.warehouse,
            "prefix": settings.warehouse.removeprefix("s3://"),
            "rest.sigv4-enabled": "true",
            "rest.signing-name": "s3",
            "rest.signing-region": settings.s3_region,
            # botocore signs no hash of a body unless this header is there, and SeaweedFS asks for it.
            "header.x-amz-content-sha256": "UNSIGNED-PAYLOAD",
            "client.region": settings.s3_region,
            "client.access-key-id": key.access_key,
            "client.secret-access-key": secret,
            "s3.endpoint": settings.s3_endpoint,
            "s3.access-key-id": key.access_key,
            "s3.secret-access-key": secret,
            "s3.region": settings.s3_region,
            "s3.connect-timeout": str(CONNECT_TIMEOUT_S),
            "s3.request-timeout": str(READ_TIMEOUT_S),
            PY_IO_IMPL: f"{LakeFileIO.__module__}.{LakeFileIO.__name__}",
        },
    )
    if not isinstance(catalog, RestCatalog):
        raise TypeError(f"pyiceberg opened {type(catalog).__name__} for a REST catalog")
    _limit_time(catalog)
    return catalog


def answer_of(error: Exception | None) -> Answer | None:
    """Return what an attempt to commit came to, given its error; None when no retry will mend it."""
    if error is None:
        return Answer.DONE
    if isinstance(error, CommitFailedException):
        return Answer.CONFLICT
    # A good status with a body that is cut off: the change may well be in force.
    # And a status that pyiceberg has no class for, such as 404: the next look at the table tells.
    if isinstance(error, (*AWAY, ValidationError, json.JSONDecodeError)) or type(error) is RESTError:
        return Answer.UNKNOWN
    return None


def _access_key(settings: LakeSettings) -> AccessKey:
    path = settings.s3_access_key_file
    try:
        return AccessKey.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigError(
            f"KAPSTAN_S3_ACCESS_KEY_FILE: {path} cannot be used: {type(error).__name__}.",
            hint='It must be a readable JSON file {"access_key": ..., "secret_key": ...}, mode 0600.',
        ) from error


def _limit_time(catalog: RestCatalog) -> None:
    """Give every request a time limit: pyiceberg sets none, and a commit must not hang for ever."""
    for adapter in catalog._session.adapters.values():  # noqa: SLF001 - pyiceberg offers no other way
        if isinstance(adapter, HTTPAdapter):
            _limit(adapter)


def _limit(adapter: HTTPAdapter) -> None:
    send = adapter.send

    def send_in_time(*args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        return send(*args, **kwargs)

    adapter.send = send_in_time  # type: ignore[method-assign]
