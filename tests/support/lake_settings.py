"""The lake of a stack, as a reader or writer in a test's own process needs it."""

from pathlib import Path

from local.stack import Stack
from services.lake_sink.config import LakeSettings


def lake_settings(stack: Stack, folder: Path, namespace: str = "") -> LakeSettings:
    """Return settings of the stack's lake, with state in a folder; nothing listens."""
    return LakeSettings(
        bootstrap_servers=stack.bootstrap_servers,
        registry_url=stack.registry_url,
        namespace=namespace,
        catalog_uri=stack.url("seaweedfs.iceberg"),
        s3_endpoint=stack.url("seaweedfs.s3"),
        s3_access_key_file=stack.secret_file("s3"),
        http_port=1,
        state_dir=folder,
    )
