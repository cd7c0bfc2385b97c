"""Settings of a worker under test."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TestedSettings:
    """See streamkit.loop.settings.LoopSettings."""

    state_dir: Path
    slot: str = "0"
    namespace: str = ""
    bootstrap_servers: str = "in-memory"
    commit_interval_ms: int = 5
    max_batch: int = 1000
    mode: str = "live"
