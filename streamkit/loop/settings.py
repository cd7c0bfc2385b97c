"""What the loops need to know; `streamkit.config.WorkerSettings` has it all."""

from pathlib import Path
from typing import Protocol


class LoopSettings(Protocol):
    """Settings of one worker (see WorkerSettings for their meaning)."""

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of Kafka brokers."""
        ...

    @property
    def namespace(self) -> str:
        """Prefix of what is written; empty for the live system."""
        ...

    @property
    def state_dir(self) -> Path:
        """Folder of this slot's local state."""
        ...

    @property
    def slot(self) -> str:
        """Stable name of this instance."""
        ...

    @property
    def commit_interval_ms(self) -> int:
        """Least time between two commits of live traffic."""
        ...

    @property
    def max_batch(self) -> int:
        """Most records in one commit."""
        ...

    @property
    def mode(self) -> str:
        """`live`, or `replay`: bounded, without heartbeats."""
        ...
