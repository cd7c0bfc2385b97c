"""A process of its own that counts a topic per key, for tests that kill it.

Usage: python -m tests.support.counting_worker BOOTSTRAP TOPIC FOLDER SLOT
"""

import os
import sys
from pathlib import Path

from streamkit.errors import StreamkitError
from streamkit.loop.status import LoopStatus
from streamkit.testing.settings import TestedSettings
from streamkit.transform import run_transform
from tests.support.workers import counting

# Said once SIGTERM is heeded; a process that is told to stop before ends as any would.
STARTED = "started"


def main(bootstrap_servers: str, topic: str, folder: str, slot: str) -> int:
    """Run until SIGTERM; returns the exit code that a service would end with."""
    status = LoopStatus()
    status.stop_on_signals()
    sys.stderr.write(f"{STARTED} {os.getpid()}\n")
    settings = TestedSettings(Path(folder) / slot, slot, bootstrap_servers=bootstrap_servers)
    try:
        run_transform(counting(topic, topic), settings, status=status)
    except StreamkitError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
