"""The lake that commands on replays work with: the environment's, else the local stack's when it answers."""

import os
from typing import TYPE_CHECKING

from cli.audit import lake_settings
from local.errors import RuntimeProblem
from local.probe import http_missing
from local.stack import Stack

if TYPE_CHECKING:
    from pyiceberg.catalog.rest import RestCatalog

    from services.lake_sink.config import LakeSettings


def answering_lake(stack: Stack) -> "LakeSettings | None":
    """Return where the lake is, None when the stack's does not answer. Raises ConfigError."""
    if "KAPSTAN_CATALOG_URI" not in os.environ and _missing(stack) is not None:
        return None
    return lake_settings(stack)


def answering_catalog(stack: Stack) -> "RestCatalog | None":
    """Return the lake's catalog, None when the stack's does not answer. Raises ConfigError."""
    from services.lake_sink.catalog import open_catalog

    settings = answering_lake(stack)
    return None if settings is None else open_catalog(settings)


def needed_lake(stack: Stack) -> "LakeSettings":
    """Return where the lake is; RuntimeProblem when the stack's does not answer."""
    settings = answering_lake(stack)
    if settings is None:
        raise RuntimeProblem(
            "lake",
            f"this replay's results are tables, and the lake does not answer: {_missing(stack)}",
            remedy="start it: `kapstan up --only seaweedfs`",
        )
    return settings


def needed_catalog(stack: Stack) -> "RestCatalog":
    """Return the lake's catalog; RuntimeProblem when the stack's does not answer."""
    from services.lake_sink.catalog import open_catalog

    return open_catalog(needed_lake(stack))


def _missing(stack: Stack) -> str | None:
    return http_missing(stack.port("seaweedfs.s3"), "/healthz")
